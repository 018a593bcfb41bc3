"""Read and check the JSON files of a project."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import abbreviated, read_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.media.masks import MAX_ID

PROJECT_NAME = "annotate.json"
PREDICTED_NAME = ".annotate-predicted.json"
VERSION = 1

_REMEDY = "move it away to start over"
_IDS = {str(number) for number in range(1, MAX_ID + 1)}
# Bright and easy to tell apart, on both dark and light images.
_COLOURS = ("#ff9f1c", "#2ec4ff", "#9be564", "#ff5d8f", "#b388ff", "#ffe14d", "#00d9a3", "#ff6b5e")
_LONGEST = 60  # characters of a name
_T = TypeVar("_T")
ByName = dict[str, dict[int, _T]]  # name of a frame to object id to value


@dataclasses.dataclass(frozen=True)
class ObjectInfo:
    """Name and colour (`#rrggbb`) of an object."""

    name: str
    colour: str

    def changed(self, name: str | None = None, colour: str | None = None) -> "ObjectInfo":
        """Return a copy with another name or colour, which must be valid."""
        name = self.name if name is None else name
        colour = self.colour if colour is None else colour
        if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST:
            raise InputError(f"a name must have 1 to {_LONGEST} characters.")
        if not isinstance(colour, str) or not re.fullmatch(r"#[0-9a-f]{6}", colour):
            raise InputError(f"a colour must be #rrggbb. Received: {abbreviated(colour)}")
        return ObjectInfo(name.strip(), colour)


def new_object(object_id: int) -> ObjectInfo:
    """A new object with a default name and colour."""
    return ObjectInfo(f"object {object_id}", _COLOURS[(object_id - 1) % len(_COLOURS)])


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Origin of a predicted mask of an object in a frame.

    Attributes:
        source: the trusted mask that it was propagated from, `FRAME:DIGEST`.
        confidence: the J that the model predicts, 0–1; None if it does not predict one.
    """

    source: str
    confidence: float | None = None


def read_project(folder: Path) -> tuple[dict[int, ObjectInfo], ByName[str]] | None:
    """Read the objects of a project by id, and the digests of its trusted masks; None if it is new.

    The folder may contain masks of frames that the video lacks.
    """
    return _read(
        folder / PROJECT_NAME,
        lambda content: (
            {i: _object(i, value) for i, value in _by_id(content.member("objects"))},
            _by_name(content.member("trusted"), JsonValue.text),
        ),
    )


def read_video_name(folder: Path) -> str | None:
    """Read the name of the video that a project was made for; None if it is not known."""
    return _read(folder / PROJECT_NAME, _video_name)


def read_predictions(folder: Path) -> ByName[Prediction]:
    """Read the origins of the predicted masks; see `read_project`."""
    found = _read(
        folder / PREDICTED_NAME,
        lambda content: _by_name(content.member("frames"), _prediction),
    )
    return found or {}


def split(
    by_name: ByName[_T], index: Mapping[str, int]
) -> tuple[dict[int, dict[int, _T]], ByName[_T]]:
    """Split entries into those of the frames in `index`, by frame index, and the others."""
    known = {index[name]: ids for name, ids in by_name.items() if name in index}
    return known, {name: ids for name, ids in by_name.items() if name not in index}


def _read(path: Path, parse: Callable[[JsonValue], _T]) -> _T | None:
    if not path.exists():
        return None
    content = read_json(path, _REMEDY)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise InputError(f"{path}: was written by another version; {_REMEDY}.")
    try:
        return parse(JsonValue(content))
    except InputError as error:
        raise InputError(f"{path}: is damaged ({error}); {_REMEDY}.") from error


def _video_name(content: JsonValue) -> str | None:
    # Files of earlier versions have no name, and the path `.` has an empty one.
    return content.member("video").text() if content.table().get("video") else None


def _by_name(table: JsonValue, parse: Callable[[JsonValue], _T]) -> ByName[_T]:
    return {
        name: {i: parse(value) for i, value in _by_id(entries)} for name, entries in table.members()
    }


def _by_id(table: JsonValue) -> list[tuple[int, JsonValue]]:
    entries = list(table.members())
    if unknown := [key for key, _ in entries if key not in _IDS]:
        raise InputError(f"{unknown[0][:20]!r} is not an object id from 1 to {MAX_ID}")
    return [(int(key), value) for key, value in entries]


def _object(object_id: int, value: JsonValue) -> ObjectInfo:
    changes: dict[str, Any] = {key: value.member(key).text() for key in ("name", "colour")}
    return new_object(object_id).changed(**changes)


def _prediction(value: JsonValue) -> Prediction:
    entries = list(value.items())
    if len(entries) != 2:
        raise value.wrong("must be a source and a confidence")
    source, confidence = entries
    return Prediction(source.text(), None if confidence.value is None else confidence.number(0, 1))
