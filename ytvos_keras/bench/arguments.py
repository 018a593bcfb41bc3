"""Command-line arguments that several benchmarks share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras dtype policies by the precision that is asked for."""


def positive(text: str) -> int:
    """Reads a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"a whole number of at least 1 is needed, not {text!r}")
    return int(text)


def natural(text: str) -> int:
    """Reads a whole number of at least 0."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"a whole number of at least 0 is needed, not {text!r}")
    return int(text)


def dimensions(count: int) -> Callable[[str], tuple[int, ...]]:
    """Returns a reader of `count` sizes with an x in between, such as 256x448."""

    def read(text: str) -> tuple[int, ...]:
        sizes = text.lower().split("x")
        if len(sizes) != count:
            raise ArgumentTypeError(
                f"{count} sizes with an x in between are needed, such as "
                f"{'x'.join(['256', '448', '3', '3', '3'][:count])}, not {text!r}"
            )
        return tuple(positive(size) for size in sizes)

    return read


def list_of(read: Callable[[str], Value]) -> Callable[[str], list[Value]]:
    """Returns a reader of values with commas in between; a value given twice counts once."""

    def read_list(text: str) -> list[Value]:
        return list(dict.fromkeys(read(item.strip()) for item in text.split(",")))

    return read_list


def add_rounds(parser: ArgumentParser, *, repeats: int, warmup: int = 3) -> None:
    """Adds the numbers of measured and unmeasured rounds."""
    parser.add_argument(
        "--repeats",
        type=positive,
        default=repeats,
        metavar="N",
        help=f"measured rounds, in which the cases take turns (default: {repeats})",
    )
    parser.add_argument(
        "--warmup",
        type=positive,
        default=warmup,
        metavar="N",
        help=f"rounds before those, not measured (default: {warmup})",
    )


def add_precision(parser: ArgumentParser) -> None:
    """Adds the choice of one precision or more."""
    parser.add_argument(
        "--precision",
        type=list_of(_precision),
        default=list(POLICIES),
        metavar="P,…",
        help="float32, bfloat16 or both (default: float32,bfloat16)",
    )


def _precision(text):
    if text not in POLICIES:
        raise ArgumentTypeError(f"a precision is {' or '.join(POLICIES)}, not {text!r}")
    return text
