"""Command-line arguments that several benchmarks share."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from ytvos_keras.argument_types import choice_of, frame_size, list_of, positive
from ytvos_keras.bench.measure import Key, Timing, interleave
from ytvos_keras.progress import Progress

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras dtype policies, by precision."""


def add_size(
    parser: ArgumentParser, default: tuple[int, int] | None = (256, 448), what: str = "frame"
) -> None:
    """Add `--size`, height and width of `what` in pixels; the default None is the model's size."""
    shown = "the model's" if default is None else "{}x{}".format(*default)
    parser.add_argument(
        "--size",
        type=frame_size,
        default=default,
        metavar="HxW",
        help=f"height and width of the {what} in pixels (default: {shown})",
    )


def add_model(parser: ArgumentParser, help_: str, default: str = "s2s-lite") -> None:
    """Add `--model`, a trained model by name or path."""
    parser.add_argument("--model", default=default, metavar="NAME|PATH", help=help_)


def add_videos(parser: ArgumentParser, model: str | None = "s2s-lite") -> None:
    """Add arguments for annotated videos and, with a default `model`, for the one that is used."""
    parser.add_argument(
        "videos",
        type=Path,
        metavar="VIDEOS",
        help="folder that contains SOURCE/{JPEGImages,Annotations}/SEQUENCE/",
    )
    parser.add_argument("--sequences", nargs="+", required=True, metavar="SOURCE/SEQUENCE")
    if model is not None:
        add_model(parser, f"default: {model}", model)


def add_rounds(parser: ArgumentParser, *, repeats: int, warmup: int = 3) -> None:
    """Add `--repeats` and `--warmup`, which `time_in_turns` reads."""
    for option, default, what in (
        ("--repeats", repeats, "measured rounds, each of which runs every case once"),
        ("--warmup", warmup, "unmeasured rounds before these"),
    ):
        text = f"{what} (default: {default})"
        parser.add_argument(option, type=positive, default=default, metavar="N", help=text)


def add_precision(parser: ArgumentParser) -> None:
    """Add `--precision`, one or more of `POLICIES`."""
    parser.add_argument(
        "--precision",
        type=list_of(choice_of(POLICIES)),
        default=list(POLICIES),
        metavar="P,…",
        help="float32, bfloat16 or both (default: float32,bfloat16)",
    )


def chosen(arguments: Namespace, *names: str) -> dict[str, object]:
    """Return some arguments by name, for the settings of a report."""
    return {name: getattr(arguments, name) for name in names}


def time_in_turns(
    cases: Mapping[Key, Callable[[], object]], arguments: Namespace, progress: Progress
) -> dict[Key, Timing]:
    """Call `interleave` with the numbers of rounds from the command line."""
    return interleave(cases, warmup=arguments.warmup, repeats=arguments.repeats, progress=progress)
