"""`ytvos-bench train`: time and memory of one training step."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, closing

from ytvos_keras.argument_types import whole_number
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
from ytvos_keras.bench.report import Comparison, Report, Row
from ytvos_keras.bench.step import MODELS
from ytvos_keras.bench.step_process import OURS, PLAIN, StepProcess, TrainedNetwork
from ytvos_keras.errors import InputError
from ytvos_keras.progress import Progress, silent

NAME = "train"
SUMMARY = "seconds and memory of a training step, by precision and against stock Keras layers"
NEEDS_TENSORFLOW = False  # only the separate processes do

STRIDE = 32  # of VGG-16

Case = tuple[str, str]
"""Network and precision."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    parser.add_argument("--model", choices=MODELS, default=MODELS[0], help="default: s2s-vgg16")
    parser.add_argument(
        "--frames",
        type=whole_number(2),
        default=5,
        metavar="T",
        help="length of the clip (default: 5)",
    )
    add_size(parser, what="frames, multiples of 32 for s2s-vgg16,")
    add_precision(parser)
    add_rounds(parser, repeats=5, warmup=2)


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time whole training steps on one clip, all cases in turns, each in a separate process.

    A step is forward pass, loss, gradients and optimizer update, as in `ytvos-train`. The paper's
    model is also timed as a composition of stock Keras layers, with stock Adam and compiled like
    ours. Random weights and pixels, batch 1.
    """
    height, width = arguments.size
    if arguments.model == "s2s-vgg16" and (height % STRIDE or width % STRIDE):
        raise InputError(
            f"--size must be multiples of {STRIDE} for s2s-vgg16: the stock layers do not pad. "
            f"Received: {height}x{width}"
        )
    machine = describe_machine()  # before this benchmark adds to the load
    networks = (PLAIN, OURS) if arguments.model == "s2s-vgg16" else (OURS,)
    cases = [(network, name) for name in arguments.precision for network in networks]
    with ExitStack() as stack:
        processes = {}
        for n, (network, name) in enumerate(cases):
            progress(f"building {network} in {name}", n, len(cases))
            trained = TrainedNetwork(
                network, arguments.model, POLICIES[name], arguments.frames, arguments.size
            )
            # All processes run at once, so that they can take turns; only one works at a time.
            processes[network, name] = stack.enter_context(closing(StepProcess(trained)))
        steps = {case: process.step for case, process in processes.items()}
        timings = time_in_turns(steps, arguments, progress)
    return Report(
        benchmark=NAME,
        settings={
            "batch": 1,
            **chosen(arguments, "model", "frames", "size", "precision", "warmup", "repeats"),
        },
        machine=machine,
        rows=[_row(case, timings[case], processes[case].peak_memory) for case in cases],
        comparisons=list(_comparisons(timings)),
    )


def _row(case: Case, timing: Timing, peak: float) -> Row:
    network, name = case
    labels: dict[str, str | int] = {"network": network, "precision": name}
    return Row(labels, {**timing.figures(), "peak_memory_mb": peak})


def _comparisons(timings: dict[Case, Timing]) -> Iterator[Comparison]:
    """Ours against stock layers at equal precision, and our two precisions with each other."""
    for (network, name), reference in timings.items():
        if network == PLAIN:
            what = f"training step against stock Keras layers, {name}"
            yield Comparison(what, reference, timings[OURS, name])
    both = [timings[OURS, name] for name in POLICIES if (OURS, name) in timings]
    if len(both) == 2:
        yield Comparison("training step in bfloat16 against float32", *both)
