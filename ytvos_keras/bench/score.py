"""`ytvos-bench score`: J and F of models and baselines on annotated videos."""

import statistics
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.bench.arguments import add_size, add_videos
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Report
from ytvos_keras.bench.score_methods import score_methods, score_rows
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

if TYPE_CHECKING:
    from ytvos_keras.evaluation.score_videos import Method

NAME = "score"
SUMMARY = "J and F of annotated videos with models and baselines, and seconds per frame"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_videos(parser, model=None)
    parser.add_argument(
        "--model",
        nargs="+",
        default=["s2s-lite"],
        metavar="NAME|PATH",
        help="one or more (default: s2s-lite)",
    )
    parser.add_argument(
        "--flow", action="store_true", help="also propagate the first mask by DIS optical flow"
    )
    add_size(parser, None, "working frame")


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Segment every sequence with each model and baseline, and score it.

    J and F are averaged over an object's annotated frames except the first and the last, then over
    objects. Seconds per frame are the median of all steps, reading frames not included.
    """
    import ytvos_keras
    from ytvos_keras.evaluation.baselines import CopiedMask, FlowPropagation

    machine = describe_machine()  # before this benchmark adds to the load
    # First, as OpenCV may not be installed.
    flow: dict[str, Method] = {"DIS flow": FlowPropagation()} if arguments.flow else {}
    methods: dict[str, Method] = {
        name: ytvos_keras.Segmenter(ytvos_keras.load(model), arguments.size)
        for model, name in _names(arguments.model).items()
    }
    methods |= {**flow, "copied mask": CopiedMask()}
    found = score_methods(methods, arguments, progress)
    return Report(
        benchmark=NAME,
        settings={"model": arguments.model, "size": arguments.size or "the model's own"},
        machine=machine,
        rows=score_rows(found, lambda name: {"method": name}, statistics.median),
        peak_memory_mb=peak_memory(),
    )


def _names(models: Sequence[str]) -> dict[str, str]:
    """What to call each model: the stem of its path, or the path if several have that stem."""
    stems = {model: Path(model).stem for model in models}
    count = Counter(stems.values())
    return {model: stem if count[stem] == 1 else model for model, stem in stems.items()}
