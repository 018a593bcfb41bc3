"""Parse untrusted JSON, and write JSON files atomically. No other module parses JSON."""

import contextlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_UNPAIRED = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class JsonError(ValueError):
    """Text is not usable JSON. The message is a short reason that does not name the file."""


def parse_json(data: str | bytes, *, allow_nan: bool = False, unique_keys: bool = False) -> Any:
    """Parse untrusted JSON; any problem raises the same error.

    Args:
        data: text, or bytes in UTF-8 with or without a byte order mark.
        allow_nan: accept NaN and Infinity, which are not JSON but are written by Python.
        unique_keys: reject objects with duplicate keys; otherwise the last one counts. Integers of
            more than 64 bits are exact with this or `allow_nan`, and rounded otherwise.

    Raises:
        JsonError: not UTF-8, not JSON, nested too deeply, a number of over 4300 digits, NaN or
            Infinity, or a character that is half of a surrogate pair. Halves that stand for bytes
            of file names (U+DC80 to U+DCFF, as `write_json` writes them) are accepted.
    """
    # Try the fast parser first. What it rejects goes to Python's, which reports where the error is
    # and accepts the lone surrogates of file names.
    if not (allow_nan or unique_keys):
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(data)
    text = _decode(data)
    try:
        value = json.loads(
            text,
            parse_constant=None if allow_nan else _refuse_constant,
            object_pairs_hook=_unique if unique_keys else None,
        )
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(
            f"is not valid JSON; is it cut off? ({error.msg}, line {error.lineno}, "
            f"column {error.colno})"
        ) from None
    except RecursionError:
        raise JsonError("is nested too deeply") from None
    except ValueError as error:  # an integer with too many digits
        raise JsonError(f"is not usable JSON ({' '.join(str(error).split())})") from None
    # Surrogates come from escapes only, as UTF-8 has none. Walking through all values is slow.
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def read_json(path: Path, remedy: str = "", **options: bool) -> Any:
    """Read a JSON file; errors end with the remedy, the options are those of `parse_json`."""
    ending = f"; {remedy}." if remedy else "."
    try:
        return parse_json(path.read_bytes(), **options)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{ending}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}){ending}") from error
    except JsonError as error:
        raise InputError(f"{path}: {error}{ending}") from error


def write_json(path: str | Path, content: Any) -> None:
    """Write anything that `json.dumps` accepts to a human-readable JSON file, atomically.

    In file names that are not valid Unicode (Latin-1 on Linux), the invalid bytes become escapes,
    which `parse_json` reads back.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def abbreviated(value: object) -> str:
    """Format a value as JSON, at most 40 characters long, for error messages."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}…"


def _decode(data: str | bytes) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig")  # editors on Windows add a byte order mark
    except UnicodeDecodeError:
        raise JsonError("is not UTF-8 text, so not JSON") from None


def _refuse_constant(name: str) -> None:
    raise JsonError(f"is not valid JSON: it contains {name}")


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            raise JsonError(f"{abbreviated(key)} appears twice in one object; keep one of them")
        table[key] = value
    return table


def _check_surrogates(value: object) -> None:
    """Reject text that cannot be encoded; without recursion."""
    rest: list[object] = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, str) and _UNPAIRED.search(item):
            raise JsonError(f"contains half of a surrogate pair: {item[:20]!a}")
