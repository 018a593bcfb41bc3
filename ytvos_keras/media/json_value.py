"""JSON values that know their place in the file and check types on access."""

import math
from collections.abc import Iterator
from typing import Any

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import abbreviated

LARGEST = 2**63 - 1
_LONGEST_KEY = 60  # characters, in a place


class JsonValue:
    """A value and its place, such as `objects.1.frames[2]`.

    Every method raises an `InputError` of the form `PLACE: must be … Received: …` for an unexpected
    type or value.

    Args:
        value: a value from `parse_json`.
        place: empty for the whole file.
        above: the value that contains this one; `place` is then the key or index in it.

    Example:
        >>> JsonValue({"size": [3, "x"]}).member("size").wholes()
        Traceback (most recent call last):
        ytvos_keras.errors.InputError: size[1]: must be a whole number of at least 0. Received: "x"
    """

    __slots__ = ("_above", "_key", "value")

    def __init__(self, value: Any, place: str | int = "", above: "JsonValue | None" = None):
        self.value, self._key, self._above = value, place, above

    @property
    def place(self) -> str:
        """The path to the value; computed only when an error needs it."""
        above = "" if self._above is None else self._above.place
        if isinstance(self._key, int):
            return f"{above}[{self._key}]"
        if self._above is None:
            return self._key
        key = self._key if len(self._key) <= _LONGEST_KEY else f"{self._key[:_LONGEST_KEY]}…"
        return f"{above}.{key}" if above else key

    def table(self) -> dict[str, Any]:
        """The value, an object `{…}`."""
        if type(self.value) is not dict:
            raise self.wrong("must be an object {…}")
        return self.value

    def member(self, key: str) -> "JsonValue":
        """A required member."""
        try:
            return JsonValue(self.table()[key], key, self)
        except KeyError:
            place = f"{self.place}: " if self.place else ""
            raise InputError(f"{place}needs a member {key!r}.") from None

    def members(self) -> Iterator[tuple[str, "JsonValue"]]:
        """All members."""
        for key, value in self.table().items():
            yield key, JsonValue(value, key, self)

    def items(self) -> Iterator["JsonValue"]:
        """The entries of a list."""
        for index, value in enumerate(self.value_list()):
            yield JsonValue(value, index, self)

    def text(self) -> str:
        """Non-empty text."""
        if type(self.value) is not str or not self.value:
            raise self.wrong("must be text")
        return self.value

    def boolean(self) -> bool:
        """`true` or `false`."""
        if type(self.value) is not bool:
            raise self.wrong("must be true or false")
        return self.value

    def whole(self, low: int = 0, high: int = LARGEST) -> int:
        """A whole number from `low` to `high`."""
        # Not isinstance: `true` is an int in Python.
        if type(self.value) is not int or not low <= self.value <= high:
            rule = f"of at least {low}" if high == LARGEST else f"from {low} to {high}"
            raise self.wrong(f"must be a whole number {rule}")
        return self.value

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number from `low` to `high`."""
        try:
            number = float(self.value) if type(self.value) in (int, float) else math.nan
        except OverflowError:  # a whole number of hundreds of digits
            number = math.inf
        if not math.isfinite(number) or not low <= number <= high:
            raise self.wrong("must be a finite number")
        return number

    def texts(self) -> tuple[str, ...]:
        """The entries of a list of texts, fast for a long one."""
        values = self.value_list()
        # The slow path runs only if something is wrong, to find the place.
        if not set(map(type, values)) <= {str} or "" in values:
            for item in self.items():
                item.text()
        return tuple(values)

    def wholes(self, low: int = 0, high: int = LARGEST) -> tuple[int, ...]:
        """The entries of a list of whole numbers, fast for a long one."""
        values = self.value_list()
        fine = set(map(type, values)) <= {int}
        if not fine or (values and not low <= min(values) <= max(values) <= high):
            for item in self.items():
                item.whole(low, high)
        return tuple(values)

    def value_list(self) -> list[Any]:
        """The entries of a list, unchecked."""
        if type(self.value) is not list:
            raise self.wrong("must be a list […]")
        return self.value

    def wrong(self, rule: str) -> InputError:
        """An error that states a rule about this value."""
        return InputError(
            f"{self.place or 'the file'}: {rule}. Received: {abbreviated(self.value)}"
        )
