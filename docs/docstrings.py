"""A Griffe extension: sections of Keras' docstrings that Griffe does not know."""

import re
from typing import Any

import griffe

_CALL_ARGUMENTS = re.compile(r"^Call arguments:\n((?:    .*\n?|\n)+)", re.MULTILINE)
_NAME = re.compile(r"^    (\*{0,2}\w+(?:, \w+)*): ", re.MULTILINE)


class KerasSections(griffe.Extension):
    """Show `Example` as code, and `Call arguments` as a list."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of an object before it is parsed."""
        if obj.docstring is None:
            return
        text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
        obj.docstring.value = _CALL_ARGUMENTS.sub(_as_list, text)


def _as_list(match: re.Match[str]) -> str:
    return "Call arguments:\n" + _NAME.sub(r"    - `\1`: ", match[1])
