"""`ytvos-bench step`: the cost of one frame, part by part."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from ytvos_keras.argument_types import list_of, positive
from ytvos_keras.bench.arguments import (
    POLICIES,
    add_precision,
    add_rounds,
    add_size,
    chosen,
    time_in_turns,
)
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.measure import Timing
from ytvos_keras.bench.report import Comparison, Figure, Report, Row
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

NAME = "step"
SUMMARY = "seconds per frame of a model by part, by precision and number of objects"

MODELS = ("s2s-vgg16", "s2s-lite")
WHOLE = "whole step"
PLAIN = "whole step, plain Keras"


class Case(NamedTuple):
    """One timed part. The Encoder runs once per frame for any number of objects."""

    precision: str
    objects: int | str
    part: str


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    parser.add_argument("--model", choices=MODELS, default=MODELS[0], help="default: s2s-vgg16")
    add_size(parser)
    parser.add_argument(
        "--objects",
        type=list_of(positive),
        default=[1, 5],
        metavar="N,…",
        help="numbers of objects, which share the Encoder's features (default: 1,5)",
    )
    add_precision(parser)
    add_rounds(parser, repeats=10)


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time a model with random weights, all cases in turns.

    Everything is compiled with `tf.function`. The whole step is one function, from the frame to the
    probabilities and the new state; the parts are separate functions, so their sum differs slightly
    from it. The paper's model is also timed as a plain Keras model, with one object.

    Peak memory covers the whole run: to measure one case, choose one precision and one number of
    objects.
    """
    machine = describe_machine()  # before this benchmark adds to the load
    cases: dict[Case, Callable[[], object]] = {}
    for n, precision in enumerate(arguments.precision):
        progress(f"building in {precision}", n, len(arguments.precision))
        cases |= _model_cases(arguments, precision)
    timings = time_in_turns(cases, arguments, progress)
    return Report(
        benchmark=NAME,
        settings=chosen(arguments, "model", "size", "objects", "precision", "warmup", "repeats"),
        machine=machine,
        rows=[Row(case._asdict(), timing.figures()) for case, timing in timings.items()],
        comparisons=list(_comparisons(timings)),
        figures=list(_figures(timings, arguments.objects, arguments.precision)),
        peak_memory_mb=peak_memory(),
    )


def _model_cases(arguments: Namespace, precision: str) -> dict[Case, Callable[[], object]]:
    """Build the model in one precision and return its cases, ready to run."""
    import keras
    import numpy as np
    import tensorflow as tf

    from ytvos_keras.models import S2S
    from ytvos_keras.models.presets import PRESETS

    keras.utils.set_random_seed(0)
    model = S2S(PRESETS[arguments.model], dtype=POLICIES[precision])
    random = np.random.default_rng(0)
    frame = tf.constant(random.integers(0, 256, (1, *arguments.size, 3), dtype=np.uint8))
    encode = tf.function(model.encode)
    features = encode(frame)
    cases: dict[Case, Callable[[], object]] = {
        Case(precision, "any", "Encoder"): partial(_finish, encode, frame)
    }
    for count in arguments.objects:
        masks = random.random((count, *arguments.size, 1)) < 0.3
        state = model.initialize(frame, tf.constant(masks, tf.float32), features)
        for part, function in _parts(model, features, frame, state):
            cases[Case(precision, count, part)] = function
    if arguments.model == "s2s-vgg16":
        cases[Case(precision, 1, PLAIN)] = _plain_case(frame, features, precision)
    return cases


def _parts(model: Any, features: dict, frame: Any, state: dict) -> Iterator[tuple[str, Callable]]:
    """Yield the parts that run once per frame and object batch, and the whole step."""
    import tensorflow as tf

    from ytvos_keras.layers.objects import sum_of_others

    def read_memory(features, state):
        return model.memory(features, state)

    def remember(features, probabilities, state):
        others = sum_of_others(probabilities, probabilities.shape[0])
        return model.memory.update(features, probabilities, state, others, state.get("confidence"))

    def conv_lstm(x, state):
        return model.conv_lstm.cell(x, (state["h"], state["c"]))

    def decode(hidden, skips):
        return model.decoder(hidden, **skips)

    def step(frame, state):
        return model.step_features(model.encode(frame), state)

    x = features["features"]
    if model.memory is not None:
        x = read_memory(features, state)
        yield "Memory, read", partial(_finish, tf.function(read_memory), features, state)
        probabilities, _ = model.step_features(features, state)
        inputs = features, probabilities, state
        yield "Memory, write", partial(_finish, tf.function(remember), *inputs)
    yield "ConvLSTM", partial(_finish, tf.function(conv_lstm), x, state)
    # Run once untimed, to give the Decoder a realistic input.
    hidden, _ = conv_lstm(x, state)
    skips = {name: features[name] for name in ("skip_4", "skip_2") if name in features}
    yield "Decoder", partial(_finish, tf.function(decode), hidden, skips)
    yield WHOLE, partial(_finish, tf.function(step), frame, state)


def _plain_case(frame: Any, features: dict, precision: str) -> Callable[[], object]:
    """The reference on the same frame, padded to the same size."""
    import tensorflow as tf

    from ytvos_keras.bench.plain_network import plain_step

    _, rows, columns, channels = features["features"].shape
    model = plain_step(32 * rows, 32 * columns, POLICIES[precision])
    # Stock layers need multiples of 32; the package's Encoder pads its input itself.
    frame = tf.image.pad_to_bounding_box(tf.cast(frame, "float32"), 0, 0, 32 * rows, 32 * columns)
    state = tf.ones((1, rows, columns, channels))
    return partial(_finish, tf.function(model), [frame, state, state])


def _finish(function: Callable, *inputs: object) -> None:
    """Run a function and wait for it: on a GPU, until its smallest output has been fetched."""
    import tensorflow as tf

    min(tf.nest.flatten(function(*inputs)), key=lambda tensor: tensor.shape.num_elements()).numpy()


def _comparisons(timings: dict[Case, Timing]) -> Iterator[Comparison]:
    for case, reference in timings.items():
        ours = timings.get(case._replace(part=WHOLE))
        if case.part == PLAIN and ours is not None:
            what = f"step against plain Keras, {case.precision}, 1 object"
            yield Comparison(what, reference, ours)


def _figures(
    timings: dict[Case, Timing], objects: list[int], precisions: list[str]
) -> Iterator[Figure]:
    """The cost of more objects, and the gain of bfloat16."""
    first, *more = objects
    for precision in precisions:
        base = timings[Case(precision, first, WHOLE)].median
        for count in more:
            cost = timings[Case(precision, count, WHOLE)].median / base
            yield Figure(
                f"cost_of_{count}_over_{first}_objects_{precision}",
                cost,
                f"cost of {count} objects relative to {first}, {precision}: {cost:.2f} times",
            )
    if set(precisions) == set(POLICIES):
        for count in objects:
            whole = [timings[Case(precision, count, WHOLE)].median for precision in POLICIES]
            gain = whole[0] / whole[1]
            yield Figure(
                f"float32_over_bfloat16_{count}_objects",
                gain,
                f"float32 relative to bfloat16, objects {count}: {gain:.2f} times the time",
            )
