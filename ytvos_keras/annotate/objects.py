"""Names and colours of the objects of a project."""

import dataclasses
import re

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import shown

# Bright and far apart, on dark and on light pictures.
_COLOURS = ("#ff9f1c", "#2ec4ff", "#9be564", "#ff5d8f", "#b388ff", "#ffe14d", "#00d9a3", "#ff6b5e")
_LONGEST = 60  # characters of a name


@dataclasses.dataclass(frozen=True)
class ObjectInfo:
    """Name and colour (`#rrggbb`) of an object."""

    name: str
    colour: str

    def changed(self, name: str | None = None, colour: str | None = None) -> "ObjectInfo":
        """Return a copy with another name or colour.

        Raises:
            InputError: the name is empty or too long, or the colour is not `#rrggbb`.
        """
        name = self.name if name is None else name
        colour = self.colour if colour is None else colour
        if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST:
            raise InputError(f"a name must have 1 to {_LONGEST} characters.")
        if not isinstance(colour, str) or not re.fullmatch(r"#[0-9a-f]{6}", colour):
            raise InputError(f"a colour must be #rrggbb. Received: {shown(colour)}")
        return ObjectInfo(name.strip(), colour)


def new_object(object_id: int) -> ObjectInfo:
    """A new object with a default name and colour."""
    return ObjectInfo(f"object {object_id}", _COLOURS[(object_id - 1) % len(_COLOURS)])
