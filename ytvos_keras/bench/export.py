"""`ytvos-bench export`: one step of the exported models against one of the Keras model."""

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial

from ytvos_keras.argument_types import choice_of, list_of
from ytvos_keras.bench.arguments import add_rounds, add_size, chosen, time_in_turns
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.measure import Timing
from ytvos_keras.bench.report import Comparison, Report, Row
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

NAME = "export"
SUMMARY = "seconds per frame of Keras, SavedModel, ONNX float32 and ONNX int8, in one run"

MODELS = ("s2s-lite", "s2s-vgg16")
KERAS, SAVED_MODEL, FLOAT32, INT8 = "Keras", "SavedModel", "ONNX float32", "ONNX int8"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    parser.add_argument(
        "--model",
        type=list_of(choice_of(MODELS)),
        default=list(MODELS),
        metavar="NAME,…",
        help="s2s-lite, s2s-vgg16 (random weights) or both (default)",
    )
    add_size(parser)
    add_rounds(parser, repeats=20)


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time one step with one object, from the frame to the probabilities and the next state.

    The forms are timed in turns, each with its own state, which goes in and comes out as NumPy
    arrays. int8 is calibrated on the bundled clip.
    """
    machine = describe_machine()  # before this benchmark adds to the load
    cases: dict[tuple[str, str], Callable[[], object]] = {}
    for name in arguments.model:
        for form, case in _cases(name, arguments.size, progress):
            cases[name, form] = case
    timings = time_in_turns(cases, arguments, progress)
    return Report(
        benchmark=NAME,
        settings={"objects": 1, **chosen(arguments, "model", "size", "warmup", "repeats")},
        machine=machine,
        rows=[
            Row({"model": name, "form": form}, timing.figures())
            for (name, form), timing in timings.items()
        ],
        comparisons=list(_comparisons(timings, arguments.model)),
        peak_memory_mb=peak_memory(),
    )


def _cases(
    name: str, size: tuple[int, int], progress: Progress
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield a step in every form."""
    import keras

    from ytvos_keras.export.annotated_clips import bundled_clip
    from ytvos_keras.export.onnx_convert import convert
    from ytvos_keras.export.onnx_precision import to_precision
    from ytvos_keras.export.onnx_stream import OnnxStream
    from ytvos_keras.export.parity import demo_clip
    from ytvos_keras.models import PRESETS, S2S, load

    keras.utils.set_random_seed(0)
    model = load(name) if name == "s2s-lite" else S2S(PRESETS[name])
    frames, masks = demo_clip(size, frames=2, objects=1)
    # (1, H, W, 3): a batch of one frame.
    first, image = (frame[None] for frame in frames)

    yield KERAS, _keras_step(model, size, image, model.initialize(first, masks))

    graphs = convert(model, size, ("initialize", "step"), progress)
    int8 = to_precision(graphs, "int8", model, [bundled_clip()], size, progress)
    for form, stream in (
        (SAVED_MODEL, _saved_model(model, size, progress)),
        (FLOAT32, OnnxStream(graphs)),
        (INT8, OnnxStream(int8)),
    ):
        yield form, partial(stream.step, image, stream.initialize(first, masks))


def _keras_step(model, size, image, state):
    import tensorflow as tf

    from ytvos_keras.export.signatures import signatures

    function, specs = signatures(model, size)["step"]
    compiled = tf.function(function, input_signature=[specs])
    inputs = {"image": image, **{name: x.numpy() for name, x in state.items()}}
    return lambda: {name: x.numpy() for name, x in compiled(inputs).items()}


def _saved_model(model, size, progress):
    """Write `initialize` and `step` as `ytvos-export` does, and load them again."""
    from ytvos_keras.export.request_checks import checked_signatures
    from ytvos_keras.export.saved_model import SavedModelStream, write_signatures

    written = checked_signatures(model, size)
    written = {name: written[name] for name in ("step", "initialize")}
    with tempfile.TemporaryDirectory() as folder:
        write_signatures(model, written, folder, progress)
        return SavedModelStream(folder)


def _comparisons(timings: dict[tuple[str, str], Timing], models: list[str]) -> Iterator[Comparison]:
    for name in models:
        float32, int8 = timings[name, FLOAT32], timings[name, INT8]
        yield Comparison(f"{name}: ONNX int8 against float32", float32, int8)
        yield Comparison(f"{name}: ONNX float32 against Keras", timings[name, KERAS], float32)
