"""`ytvos-bench online`: gain and cost of online learning on annotated videos."""

import dataclasses
import statistics
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, NamedTuple

from ytvos_keras.argument_types import choice_of, list_of, natural
from ytvos_keras.bench.arguments import add_size, add_videos
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Figure, Report
from ytvos_keras.bench.score_methods import score_figures, score_methods, score_rows
from ytvos_keras.inference.adaptation.config import ONLINE_LEARNING, OnlineLearningConfig
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

if TYPE_CHECKING:
    from ytvos_keras.evaluation.score_videos import SequenceScores

NAME = "online"
SUMMARY = "J and F of annotated videos without and with online learning, and seconds per frame"

NONE = "none"


class Case(NamedTuple):
    """A setting of online learning, by name, and a seed."""

    learning: str
    seed: int | None = None

    def __str__(self) -> str:
        return self.learning

    def config(self) -> OnlineLearningConfig | None:
        if self.learning == NONE:
            return None
        return dataclasses.replace(ONLINE_LEARNING[self.learning], seed=self.seed or 0)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_videos(parser)
    parser.add_argument(
        "--learning",
        type=list_of(choice_of(ONLINE_LEARNING)),
        default=["cheap", "full"],
        metavar="L,…",
        help=f"settings to compare with none: {', '.join(ONLINE_LEARNING)} (default: cheap,full)",
    )
    parser.add_argument(
        "--seeds",
        type=list_of(natural),
        default=[0],
        metavar="S,…",
        help="seeds of the learning; each setting runs with every seed (default: 0)",
    )
    add_size(parser, None, "working frame")


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Segment every sequence without online learning and with each setting, and score it.

    J and F are averaged over an object's annotated frames except the first and the last, then over
    objects. Seconds per frame are the time of all steps of a video divided by its number of frames,
    so they include learning, and compilation for the first video of each size.
    """
    import ytvos_keras

    machine = describe_machine()  # before this benchmark adds to the load
    model = ytvos_keras.load(arguments.model)
    cases = [Case(NONE), *(Case(name, s) for name in arguments.learning for s in arguments.seeds)]
    methods = {
        case: ytvos_keras.Segmenter(model, arguments.size, online_learning=case.config())
        for case in cases
    }
    found = score_methods(methods, arguments, progress)
    return Report(
        benchmark=NAME,
        settings={"model": arguments.model, "size": arguments.size or "the model's own"},
        machine=machine,
        rows=score_rows(found, Case._asdict),
        figures=[_gain(name, found) for name in arguments.learning],
        peak_memory_mb=peak_memory(),
    )


def _gain(name: str, found: "dict[Case, dict[str, SequenceScores]]") -> Figure:
    """The mean gain of a setting over its seeds."""
    base = score_figures(found[Case(NONE)].values())
    ours = [score_figures(own.values()) for case, own in found.items() if case.learning == name]
    means = {key: statistics.fmean(figures[key] for figures in ours) for key in base}
    gains = {measure: means[f"{measure}_percent"] - base[f"{measure}_percent"] for measure in "JF"}
    seeds = f" (mean of {len(ours)} seeds)" if len(ours) > 1 else ""
    return Figure(
        f"gain_of_{name}",
        gains["J"],
        f"{name}: J {gains['J']:+.1f}, F {gains['F']:+.1f} points over all objects{seeds}, "
        f"{means['frame_s']:.2f} s per frame against {base['frame_s']:.2f}",
    )
