"""The entry of a video in an index file."""

import array
import dataclasses
import functools
import itertools
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.pictures import MOST_PIXELS
from ytvos_keras.records.schema import VideoInfo

_IDS = frozenset(map(str, range(1, MAX_ID + 1)))


class Blob(NamedTuple):
    """An encoded picture inside a shard: bytes `offset` to `offset + length` of the file."""

    offset: int
    length: int
    crc32: int
    """`zlib.crc32` of the bytes."""


_new_blob = functools.partial(tuple.__new__, Blob)  # of three checked numbers; there are many


@dataclass(frozen=True, kw_only=True)
class IndexedVideo(VideoInfo):
    """A video of the records, without its pictures.

    Args:
        annotated: indexes of the frames that have a mask, ascending.
        images: where each frame lies in `shard`.
        masks: where its mask lies, None without one.
        shard: the TFRecord file.
    """

    annotated: tuple[int, ...]
    images: tuple[Blob, ...]
    masks: tuple[Blob | None, ...]
    shard: Path


def to_json(video: IndexedVideo) -> dict[str, Any]:
    """The entry of a video in the index file of its shard."""
    return {
        "name": video.name,
        "source": video.source,
        "height": video.height,
        "width": video.width,
        "binary": video.binary,
        "frame_names": video.frame_names,
        "annotated": video.annotated,
        "objects": {
            str(number): dataclasses.asdict(info) for number, info in video.objects.items()
        },
        "images": video.images,
        "masks": video.masks,
    }


def from_json(entry: JsonValue, shard: Path, size: int) -> IndexedVideo:
    """Parse the result of `to_json`, and check every type and number.

    Args:
        entry: of the index file.
        shard: the TFRecord file.
        size: bytes that are in it.

    Raises:
        InputError: the entry is contradictory; the message names the place.
    """
    video = IndexedVideo(
        name=entry.member("name").text(),
        source=entry.member("source").text(),
        height=entry.member("height").whole(1, MOST_PIXELS),
        width=entry.member("width").whole(1, MOST_PIXELS),
        binary=entry.member("binary").boolean(),
        frame_names=entry.member("frame_names").texts(),
        annotated=entry.member("annotated").wholes(),
        objects=dict(_object(*item) for item in entry.member("objects").members()),
        images=_blobs(entry.member("images"), size),
        masks=_blobs(entry.member("masks"), size),
        shard=shard,
    )
    if problem := _contradiction(video):
        raise entry.wrong(problem)
    return video


def _object(number: str, entry: JsonValue) -> tuple[int, ObjectInfo]:
    if number not in _IDS:
        raise InputError(f"{entry.place}: an object's id must be 1 to {MAX_ID}.")
    category = entry.member("category")
    return int(number), ObjectInfo(
        None if category.value is None else category.text(),
        entry.member("first").whole(),
        entry.member("last").whole(),
        entry.member("areas").wholes(),
    )


def _blobs(entry: JsonValue, size: int) -> tuple[Any, ...]:
    """Places in the shard, `null` for none."""
    values = entry.value_list()
    there = [value for value in values if value is not None]
    columns = _columns(there)
    if columns is None:
        wrong = (item for item in entry.items() if item.value is not None)
        raise next(item for item in wrong if _columns([item.value]) is None).wrong("is malformed")
    offsets, lengths, _ = columns
    if any(map(size.__lt__, map(operator.add, offsets, lengths))):
        raise InputError(f"{entry.place}: leads behind the end of the shard.")
    blobs = map(_new_blob, zip(*columns, strict=True))
    if len(there) == len(values):
        return tuple(blobs)
    return tuple([None if value is None else next(blobs) for value in values])


def _columns(values: list[Any]) -> tuple[Any, Any, Any] | None:
    """Offsets, lengths and checksums, or None if not all values are places.

    There are two places for each frame, so they are checked without a loop in Python.
    """
    try:
        if not set(map(len, values)) <= {3}:
            return None
        numbers = array.array("q", itertools.chain.from_iterable(values))
    except (TypeError, OverflowError):
        return None
    offsets, lengths, checksums = numbers[0::3], numbers[1::3], numbers[2::3]
    fine = not values or (
        min(offsets) >= 0 and min(lengths) > 0 and 0 <= min(checksums) <= max(checksums) < 2**32
    )
    return (offsets, lengths, checksums) if fine else None


def _contradiction(video: IndexedVideo) -> str | None:
    """Describe a contradiction in a video's entry whose types are right."""
    if not len(video.frame_names) == len(video.images) == len(video.masks) > 0:
        return "must have an image and a place for a mask for each of its frames, at least one"
    if None in video.images:
        return "must have an image for each of its frames"
    if video.annotated != tuple([i for i, mask in enumerate(video.masks) if mask is not None]):
        return "must list the frames that have a mask"
    for number, info in video.objects.items():
        shown = [f for f, area in zip(video.annotated, info.areas, strict=False) if area > 0]
        if len(info.areas) != len(video.annotated) or shown[:1] + shown[-1:] != [
            info.first,
            info.last,
        ]:
            return f"object {number} must have an area in each annotated frame, first and last"
    return None
