"""The exception class that callers may want to catch, and helpers that build its messages."""

import contextlib
import importlib.util
from collections.abc import Collection, Iterator, Mapping, Sequence


class InputError(ValueError):
    """Unusable input from the user, such as a file, a folder or an argument.

    The message is one line: what is wrong, where, and what to do. Commands print it and exit 1.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def and_more(rest: Sequence[object]) -> str:
    """Suffix for an error that names only the first of several: ` (and 3 more)`, or nothing."""
    return f" (and {len(rest)} more)" if rest else ""


def listed(items: Sequence[object], most: int = 3) -> str:
    """The first few items for a message: `a, b, c, …`."""
    return ", ".join(map(str, items[:most])) + (", …" if len(items) > most else "")


def counted(number: int, thing: str) -> str:
    """A number of things for a message: `1 frame`, `1,200 frames`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def need(*modules: str, extra: str, what: str) -> None:
    """Raise an `InputError` if a module of an optional extra is missing, without importing any.

    Example:
        >>> need("jinja2", "matplotlib", extra="plots", what="an HTML report")
        Traceback (most recent call last):
        InputError: an HTML report needs jinja2; run: pip install 'ytvos-keras[plots]'
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise InputError(
            f"{what} needs {' and '.join(missing)}; run: pip install 'ytvos-keras[{extra}]'"
        )


@contextlib.contextmanager
def importing(*, extra: str, what: str) -> Iterator[None]:
    """Turn an `ImportError` from a missing or broken optional extra into an `InputError`.

    Example:
        >>> with importing(extra="bench", what="optical flow"):
        ...     import cv2
        Traceback (most recent call last):
        InputError: optical flow needs packages that cannot be imported (No module named 'cv2'); …
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{what} needs packages that cannot be imported ({first_line(error)}); "
            f"run: pip install 'ytvos-keras[{extra}]'"
        ) from error


def check_choices(values: Mapping[str, object], choices: Mapping[str, Collection[object]]) -> None:
    """Check that values are among the allowed ones.

    Args:
        values: name → value; may have other names, as `vars(config)` of a configuration.
        choices: name → its allowed values.

    Raises:
        InputError: a value is not allowed.
    """
    for name, allowed in choices.items():
        if values[name] not in allowed:
            rule = f"{name} must be one of {', '.join(map(str, allowed))}"
            raise InputError(f"{rule}. Received: {values[name]!r}")
