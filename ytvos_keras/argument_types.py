"""Types of command-line arguments, for `type=` of `argparse`."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection
from typing import TypeVar

Value = TypeVar("Value")


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Return a parser for whole numbers from `low`, at least 0, to `high`."""
    rule = f"of at least {low}" if high == math.inf else f"from {low} to {high}"

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"must be a whole number {rule}. Received: {text!r}")
        return int(text)

    return read


positive = whole_number(1)
natural = whole_number(0)
port = whole_number(0, 65535)  # of TCP; 0 stands for any free one


def positive_number(text: str) -> float:
    """Read a finite number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"must be a number above 0. Received: {text!r}")
    return number


def percentage(text: str) -> float:
    """Read a number above 0 and at most 100."""
    number = _number(text)
    if not 0 < number <= 100:
        raise ArgumentTypeError(f"must be above 0 and at most 100. Received: {text!r}")
    return number


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise ArgumentTypeError(f"must be a number from 0 to 1. Received: {text!r}")
    return number


def dimensions(form: str, example: str) -> Callable[[str], tuple[int, ...]]:
    """Return a parser for whole numbers separated by x, as many as in the example."""
    count = len(example.split("x"))

    def read(text: str) -> tuple[int, ...]:
        sizes = text.lower().replace("×", "x").split("x")
        if len(sizes) != count or not all(size.isdecimal() and int(size) for size in sizes):
            raise ArgumentTypeError(f"must be {form}, for example {example}. Received: {text!r}")
        return tuple(map(int, sizes))

    return read


frame_size = dimensions("HEIGHTxWIDTH in pixels", "256x448")


def choice_of(names: Collection[str]) -> Callable[[str], str]:
    """Return a parser that accepts one of several names, for `list_of`; otherwise use `choices`."""

    def read(text: str) -> str:
        if text not in names:
            raise ArgumentTypeError(f"choose from {', '.join(names)}. Received: {text!r}")
        return text

    return read


def name_list(text: str) -> list[str]:
    """Read a possibly empty list of comma-separated names; drops empty names and duplicates."""
    return list(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def list_of(read: Callable[[str], Value]) -> Callable[[str], list[Value]]:
    """Return a parser for comma-separated values that drops duplicates."""

    def read_list(text: str) -> list[Value]:
        return list(dict.fromkeys(read(item.strip()) for item in text.split(",")))

    return read_list


def _number(text: str) -> float:
    """Read a number; NaN, which is in no range, if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
