"""`meta.json` of YouTube-VOS: the objects of every video, their categories and their frames."""

import reprlib
from dataclasses import dataclass
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import abbreviated, read_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.media.listing import plain_name
from ytvos_keras.media.masks import MAX_ID


@dataclass(frozen=True)
class ObjectMeta:
    """One object of a video.

    Args:
        category: None where the file names none (the test sets).
        frames: names of the frames in which it is annotated, in order; it is visible in the first
            and may be out of sight in others. Empty if it is not annotated.
    """

    category: str | None
    frames: tuple[str, ...]


def read_meta(path: str | Path) -> dict[str, dict[int, ObjectMeta]]:
    """Read a `meta.json`: video → object id (1–254, in order) → what is known about it.

    Its form is `{"videos": {VIDEO: {"objects": {ID: {"category": NAME, "frames": [FRAME, …]}}}}}`;
    other members are ignored. `category` may be missing or null. Ids may have gaps. Frames are
    returned in natural order. An error names the file and the place in it, such as
    `videos.003234408d.objects.1.frames[2]`.

    Example:
        >>> read_meta("train/meta.json")["003234408d"][1].category
        'penguin'
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the meta.json of YouTube-VOS.")
    # Of two members with the same name, Python's parser silently keeps the last.
    content = JsonValue(read_json(path, unique_keys=True))
    try:
        videos = content.member("videos").members()
        return {plain_name(name): _objects(video) for name, video in videos}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _objects(video: JsonValue) -> dict[int, ObjectMeta]:
    objects: dict[int, ObjectMeta] = {}
    for key, value in video.member("objects").members():
        number = _object_id(key, value.place)
        # "1" and "01" are two keys of JSON, but one object.
        if number in objects:
            raise InputError(f"{value.place}: object {number} appears twice.")
        objects[number] = _object_meta(value)
    return dict(sorted(objects.items()))


def _object_id(key: str, place: str) -> int:
    # isdecimal also takes digits of other scripts; int refuses more than 4300 of them.
    if not (key.isascii() and key.isdecimal() and len(key) <= 9 and 1 <= int(key) <= MAX_ID):
        raise InputError(
            f"{place}: object ids must be whole numbers from 1 to {MAX_ID}. "
            f"Received: {reprlib.repr(key)}"
        )
    return int(key)


def _object_meta(value: JsonValue) -> ObjectMeta:
    category = value.table().get("category")
    if category is not None and not (isinstance(category, str) and category):
        raise value.member("category").wrong("must be a name, or left out")
    listed = value.member("frames")
    if not isinstance(listed.value, list):
        raise listed.wrong("must be a list of frame names")
    frames: dict[str, None] = {}
    for item in listed.items():
        if not (isinstance(item.value, str) and item.value):
            raise item.wrong('must be a frame\'s name in quotes, such as "00005"')
        if item.value in frames:
            raise InputError(f"{item.place}: {abbreviated(item.value)} appears twice.")
        frames[item.value] = None
    return ObjectMeta(category, tuple(natsort.natsorted(map(plain_name, frames))))
