"""Types of command-line arguments, for `type=` of `argparse`."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection
from typing import TypeVar

Value = TypeVar("Value")


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1. Received: {text!r}")
    return int(text)


def natural(text: str) -> int:
    """Read a whole number of at least 0."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"must be a whole number of at least 0. Received: {text!r}")
    return int(text)


def port(text: str) -> int:
    """Read the number of a TCP port; 0 stands for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"must be a number from 0 to 65535. Received: {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """Read a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"must be a number above 0. Received: {text!r}")
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
