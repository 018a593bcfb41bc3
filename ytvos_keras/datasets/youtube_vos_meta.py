"""`meta.json` of YouTube-VOS: the objects of every video, their categories and their frames."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError
from ytvos_keras.media.masks import MAX_ID


@dataclass(frozen=True)
class ObjectMeta:
    """One object of a video.

    Args:
        category: None where the file names none (the test sets).
        frames: names of the frames in which it is annotated, in order; it appears in the first and
            may be out of sight in others. Empty if nobody annotated it.
    """

    category: str | None
    frames: tuple[str, ...]


def read_meta(path: str | Path) -> dict[str, dict[int, ObjectMeta]]:
    """Read a `meta.json`.

    It holds `{"videos": {VIDEO: {"objects": {ID: {"category": NAME, "frames": [FRAME, …]}}}}}`;
    further members are ignored. `category` may be missing or null. Ids may have gaps. Frames are
    put into their natural order.

    Args:
        path: the file.

    Returns:
        Video → object id (1–254, in order) → what is known of it.

    Raises:
        InputError: the file is not there or breaks a rule; the message names the file and the place
            in it, such as `videos.003234408d.objects.1.frames[2]`.

    Example:
        >>> read_meta("train/meta.json")["003234408d"][1].category
        'penguin'
    """
    path = Path(path)
    try:
        videos = _member(_parse(path), "", "videos")
        return {
            name: _objects(_table(video, f"videos.{name}"), f"videos.{name}")
            for name, video in _table(videos, "videos").items()
        }
    except _MalformedError as error:
        raise InputError(f"{path}: {error}") from None


def categories_of(meta: Mapping[str, Mapping[int, ObjectMeta]]) -> frozenset[str]:
    """The names of all categories in a `meta.json`; empty if it names none."""
    objects = (item for video in meta.values() for item in video.values())
    return frozenset(item.category for item in objects if item.category is not None)


class _MalformedError(Exception):
    """A broken rule, without the file's name."""


def _parse(path: Path) -> object:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the meta.json of YouTube-VOS.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editors add the mark
        return json.loads(text, object_pairs_hook=_without_repetition)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text, so no JSON.") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: is no valid JSON, is it cut off? ({error.msg}, line {error.lineno}, "
            f"column {error.colno})"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply for a meta.json.") from error


def _without_repetition(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Of two members of one name Python's reader silently keeps the last."""
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            raise _MalformedError(f"{key!r} stands twice in one object; keep one of them.")
        table[key] = value
    return table


def _objects(video: dict[str, object], where: str) -> dict[int, ObjectMeta]:
    objects = {}
    where = f"{where}.objects"
    for key, value in _table(_member(video, where.rpartition(".")[0], "objects"), where).items():
        number = _object_id(key, f"{where}.{key}")
        if number in objects:
            raise _MalformedError(f"{where}.{key}: object {number} stands there twice.")
        objects[number] = _object_meta(_table(value, f"{where}.{key}"), f"{where}.{key}")
    return dict(sorted(objects.items()))


def _object_id(key: str, where: str) -> int:
    if not (key.isascii() and key.isdecimal() and 1 <= int(key) <= MAX_ID):
        raise _MalformedError(
            f"{where}: object ids must be whole numbers from 1 to {MAX_ID}. Received: {key!r}"
        )
    return int(key)


def _object_meta(value: dict[str, object], where: str) -> ObjectMeta:
    category = value.get("category")
    if category is not None and not (isinstance(category, str) and category):
        raise _MalformedError(
            f"{where}.category: must be a name, or left out. Received: {_shown(category)}"
        )
    frames = _member(value, where, "frames")
    if not isinstance(frames, list):
        raise _MalformedError(
            f"{where}.frames: must be a list of frame names. Received: {_shown(frames)}"
        )
    for index, frame in enumerate(frames):
        if not (isinstance(frame, str) and frame):
            raise _MalformedError(
                f"{where}.frames[{index}]: must be a frame's name in quotes, such as "
                f'"00005". Received: {_shown(frame)}'
            )
        if frame in frames[:index]:
            raise _MalformedError(f"{where}.frames[{index}]: {frame!r} stands there twice.")
    return ObjectMeta(category, tuple(natsort.natsorted(frames)))


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _MalformedError(
            f"{where or 'the file'}: must be an object {{…}}. Received: {_shown(value)}"
        )
    return value


def _member(value: object, where: str, name: str) -> object:
    table = _table(value, where)
    if name not in table:
        raise _MalformedError(f"{where + ': ' if where else ''}needs a member {name!r}.")
    return table[name]


def _shown(value: object) -> str:
    """A value as JSON writes it, in a few characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"
