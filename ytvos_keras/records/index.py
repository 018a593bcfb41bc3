"""What a reader needs of every video without opening a shard: `dataset.json` and the index files.

A folder of records holds, for each split:

    dataset.json                            counts, schema version, size and SHA-256 of the files
    train-00000-of-00008.tfrecord           one record a video, see `schema`
    train-00000-of-00008.index.json         names, objects, and where in the shard each picture lies
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.records.schema import SCHEMA_VERSION

DATASET_FILE = "dataset.json"
RUN_FOLDERS = f".*.{32 * '[0-9a-f]'}"
"""What the folders of `run_folder` match, which killed runs leave behind."""
AGAIN = "write the records again with ytvos-prepare"


class Blob(NamedTuple):
    """An encoded picture inside a shard: bytes `offset` to `offset + length` of the file."""

    offset: int
    length: int
    crc32: int
    """`zlib.crc32` of the bytes."""


@dataclass(frozen=True)
class IndexedVideo:
    """A video of the records, without its pictures.

    Args:
        name: unique in its split.
        source: the data set it comes from.
        height: of frames and masks, in pixels.
        width: likewise.
        binary: whether every pixel above 0 is object 1; else pixels are ids, 255 undecided.
        frame_names: in order.
        annotated: indexes of the frames that have a mask, rising.
        objects: by id, rising.
        images: where each frame lies in `shard`.
        masks: where its mask lies, None without one.
        shard: the TFRecord file.
    """

    name: str
    source: str
    height: int
    width: int
    binary: bool
    frame_names: tuple[str, ...]
    annotated: tuple[int, ...]
    objects: Mapping[int, ObjectInfo]
    images: tuple[Blob, ...]
    masks: tuple[Blob | None, ...]
    shard: Path


def shard_name(split: str, index: int, count: int) -> str:
    """The file name of a shard, such as `train-00000-of-00008.tfrecord`."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def index_path(shard: Path) -> Path:
    """The index file that belongs to a shard."""
    return shard.with_suffix(".index.json")


def read_index(data: str | Path, split: str | None = None) -> list[IndexedVideo]:
    """List the videos of a folder of records. Opens no shard, but looks at the size of each.

    Args:
        data: the folder that `ytvos-prepare` wrote.
        split: such as "train"; None for all splits.

    Returns:
        The videos in the order of the records.

    Raises:
        InputError: not a folder of records, unfinished, of another schema version, without that
            split, without a video, or a shard is missing or has another size than it was written
            with.
    """
    data = Path(data)
    splits = read_dataset(data)["splits"]
    if split is not None and split not in splits:
        raise InputError(
            f"{data}: no split {split!r} in these records. There is: {', '.join(splits)}."
        )
    videos = []
    for name in splits if split is None else [split]:
        for shard in splits[name]["shards"]:
            _check_size(data / shard["name"], shard["bytes"])
            videos += read_shard_index(data / shard["name"])
    if not videos:
        raise InputError(f"{data}: no video in these records; {AGAIN} from a folder that has some.")
    return videos


def read_dataset(data: str | Path) -> dict[str, Any]:
    """Read `dataset.json` of a folder of records.

    Raises:
        InputError: no such folder, not one of records, unfinished, or of another schema version.
    """
    data = Path(data)
    if not data.is_dir():
        raise InputError(f"{data}: no such folder.")
    path = data / DATASET_FILE
    if not path.is_file():
        unfinished = any(data.glob("*.tfrecord")) or any(data.glob(RUN_FOLDERS))
        raise InputError(
            f"{data}: "
            + (
                "these records are not finished; run the same ytvos-prepare command again."
                if unfinished
                else f"not a folder of records, there is no {DATASET_FILE} in it; give the folder "
                "that ytvos-prepare wrote."
            )
        )
    content = read_json(path)
    try:
        shards = [shard for split in content["splits"].values() for shard in split["shards"]]
        for shard in shards:
            _check_types(shard, {"name": str, "bytes": int, "sha256": str, "videos": int})
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged; {AGAIN}. ({first_line(error)})") from error
    return content


def read_shard_index(shard: Path) -> list[IndexedVideo]:
    """Read the videos of one shard from its index file.

    Raises:
        InputError: the index file is missing, damaged or of another schema version.
    """
    path = index_path(shard)
    content = read_json(path)
    try:
        return [_from_json(video, shard) for video in content["videos"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is damaged; {AGAIN}. ({first_line(error)})") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read one of the JSON files of a folder of records.

    Raises:
        InputError: it is missing, damaged or of another schema version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except FileNotFoundError as error:
        raise InputError(f"{path}: is missing; {AGAIN}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged; {AGAIN}. ({first_line(error)})") from error
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: records of schema version {version}, this version of ytvos-keras reads "
            f"{SCHEMA_VERSION}; {AGAIN}, or install the version that wrote them."
        )
    return content


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
            str(number): {
                "category": info.category,
                "first": info.first,
                "last": info.last,
                "areas": info.areas,
            }
            for number, info in video.objects.items()
        },
        "images": video.images,
        "masks": video.masks,
    }


def _from_json(entry: dict[str, Any], shard: Path) -> IndexedVideo:
    return IndexedVideo(
        name=entry["name"],
        source=entry["source"],
        height=entry["height"],
        width=entry["width"],
        binary=entry["binary"],
        frame_names=tuple(entry["frame_names"]),
        annotated=tuple(entry["annotated"]),
        objects={
            int(number): ObjectInfo(
                info["category"], info["first"], info["last"], tuple(info["areas"])
            )
            for number, info in entry["objects"].items()
        },
        images=tuple(Blob(*blob) for blob in entry["images"]),
        masks=tuple(blob and Blob(*blob) for blob in entry["masks"]),
        shard=shard,
    )


def _check_types(entry: dict[str, Any], types: dict[str, type]) -> None:
    for key, kind in types.items():
        if not isinstance(entry[key], kind):
            raise TypeError(f"{key} is no {kind.__name__}")


def _check_size(shard: Path, size: int) -> None:
    if not shard.is_file():
        raise InputError(f"{shard}: this shard is missing; {AGAIN}.")
    if (found := shard.stat().st_size) != size:
        raise InputError(
            f"{shard}: this shard has {found} bytes instead of {size}, is it cut off? "
            f"Copy it again, or {AGAIN}."
        )
