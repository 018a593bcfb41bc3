"""The entry of a video in an index file."""

import array
import dataclasses
import itertools
import operator
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.pictures import MOST_PIXELS
from ytvos_keras.records.schema import VideoInfo

_NO_BLOB = (0, 0, 0)
_IDS = frozenset(map(str, range(1, MAX_ID + 1)))


class Blob(NamedTuple):
    """An encoded image inside a shard: bytes `offset` to `offset + length` of the file."""

    offset: int
    length: int
    crc32: int
    """`zlib.crc32` of the bytes."""


def read_blob(shard: Path, blob: Blob) -> bytes:
    """Read an image's bytes; an `InputError` that names no file if they are not as written."""
    # Opened for each read: threads must not share a position. Unbuffered: one read is enough.
    with shard.open("rb", buffering=0) as file:
        file.seek(blob.offset)
        data = file.read(blob.length)
    if len(data) < blob.length:
        raise InputError("lies beyond the end of the shard; is it cut off?")
    # Of the image alone: the TFRecord's own checksum covers a whole video.
    if zlib.crc32(data) != blob.crc32:
        raise InputError("its bytes are not those that were written (CRC-32)")
    return data


class Blobs(Sequence[Any]):
    """Byte ranges of images in a shard: a `Blob`, or `None` where there is no image.

    A data set has hundreds of thousands, so a `Blob` is only created on access.

    Args:
        numbers: offset, length and checksum of each; a length of 0 means no image.
    """

    def __init__(self, numbers: array.array):
        self._numbers = numbers

    def __len__(self):
        return len(self._numbers) // 3

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        # A range resolves negative indexes and raises IndexError, which iteration relies on.
        start = 3 * range(len(self))[index]
        blob = Blob(*self._numbers[start : start + 3])
        return blob if blob.length else None

    def pictures(self) -> tuple[int, ...]:
        """The indices at which there is an image."""
        return tuple([i for i, length in enumerate(self._numbers[1::3]) if length])

    def __eq__(self, other):
        return isinstance(other, Sequence) and [*self] == [*other]


@dataclass(frozen=True, kw_only=True)
class IndexedVideo(VideoInfo):
    """A video of the records, without its images.

    It also has the fields that a record has: `name`, `source`, `height`, `width`, `binary`,
    `frame_names` and `objects`.

    Args:
        annotated: indexes of the frames that have a mask, ascending.
        images: place of each frame in `shard`.
        masks: place of the mask of each frame, None if it has none.
        shard: the TFRecord file.
    """

    annotated: tuple[int, ...]
    images: Sequence[Blob]
    masks: Sequence[Blob | None]
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
        "images": [*video.images],
        "masks": [*video.masks],
    }


def from_json(entry: JsonValue, shard: Path, size: int) -> IndexedVideo:
    """Parse the result of `to_json`, and check every type and number.

    `size` is the size of the shard in bytes. Error messages name the place in the JSON file.
    """
    masks = _blobs(entry.member("masks"), size, optional=True)
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
        masks=masks,
        shard=shard,
    )
    if problem := _contradiction(video, masks.pictures()):
        raise entry.wrong(problem)
    return video


def _object(number: str, entry: JsonValue) -> tuple[int, ObjectInfo]:
    # A set of strings: "01" and "١" are not ids, although `int` accepts both.
    if number not in _IDS:
        raise InputError(f"{entry.place}: an object's id must be 1 to {MAX_ID}.")
    category = entry.member("category")
    return int(number), ObjectInfo(
        None if category.value is None else category.text(),
        entry.member("first").whole(),
        entry.member("last").whole(),
        entry.member("areas").wholes(),
    )


def _blobs(entry: JsonValue, size: int, optional: bool = False) -> Blobs:
    """Places in a shard of `size` bytes; `null` means no image, if that is allowed."""
    values, shortest = entry.value_list(), 1
    if optional:
        values, shortest = [_NO_BLOB if value is None else value for value in values], 0
    numbers = _numbers(values, shortest)
    if numbers is None:
        wrong = next(i for i, value in enumerate(values) if _numbers([value], shortest) is None)
        raise JsonValue(values[wrong], wrong, entry).wrong(
            "must be offset, length and CRC-32 of an image"
        )
    # Python's integers do not overflow, so a huge offset cannot wrap into the file.
    if max(map(operator.add, numbers[0::3], numbers[1::3]), default=0) > size:
        raise InputError(f"{entry.place}: points beyond the end of the shard.")
    return Blobs(numbers)


def _numbers(values: list[Any], shortest: int) -> array.array | None:
    """The numbers of all places, checked without a Python loop; None if one is not a place."""
    try:
        numbers = array.array("Q", itertools.chain.from_iterable(values))  # none is negative
        if set(map(len, values)) - {3}:
            return None
    except (TypeError, OverflowError):
        return None
    if values and (min(numbers[1::3]) < shortest or max(numbers[2::3]) >= 2**32):
        return None
    return numbers


def _contradiction(video: IndexedVideo, with_mask: tuple[int, ...]) -> str | None:
    """Describe a contradiction in a video's entry whose types are right."""
    if not len(video.frame_names) == len(video.images) == len(video.masks) > 0:
        return "must have at least one frame, and an image and a mask entry for each"
    if video.annotated != with_mask:
        return "must list the frames that have a mask"
    for number, info in video.objects.items():
        shown = [f for f, area in zip(video.annotated, info.areas, strict=False) if area > 0]
        # An object that is never visible is a contradiction too: it has no first frame.
        if len(info.areas) != len(video.annotated) or shown[:1] + shown[-1:] != [
            info.first,
            info.last,
        ]:
            return f"object {number} must have an area in each annotated frame, first and last"
    return None
