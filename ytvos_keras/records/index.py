"""The index of records, read without opening a shard: `dataset.json` and index files.

A folder of records contains, for each split:

    dataset.json                            counts, schema version, size and SHA-256 of the files
    train-00000-of-00008.tfrecord           one record per video, see `schema`
    train-00000-of-00008.index.json         names, objects, and where in the shard each image is
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.json_file import JsonError, parse_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.records.indexed_video import IndexedVideo, from_json
from ytvos_keras.records.schema import SCHEMA_VERSION

DATASET_FILE = "dataset.json"
RUN_FOLDERS = f".*.{32 * '[0-9a-f]'}"
"""Matches the folders of `run_folder`, which killed runs leave behind."""
AGAIN = "write the records again with ytvos-prepare --overwrite"


def shard_name(split: str, index: int, count: int) -> str:
    """The file name of a shard, such as `train-00000-of-00008.tfrecord`."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def is_shard_name(name: str, split: str) -> bool:
    """Whether a file name is that of a shard of a split."""
    # Escaped, because a split may contain a dot: `v1.0`.
    return re.fullmatch(rf"{re.escape(split)}-\d{{5,}}-of-\d{{5,}}\.tfrecord", name) is not None


def index_path(shard: Path) -> Path:
    """The index file that belongs to a shard."""
    return shard.with_suffix(".index.json")


def read_index(data: str | Path, split: str | tuple[str, ...] | None = None) -> list[IndexedVideo]:
    """List the videos of a folder of records. Shards are not opened, only their sizes checked.

    Args:
        data: the folder that `ytvos-prepare` wrote.
        split: for example "train"; None for all splits; several names for the first of them that
            there is, or for all splits if there is none of them.

    Returns:
        The videos in the order of the records.

    Raises:
        InputError: `data` is not a folder of records, is unfinished, has another schema version,
            or lacks the split or any video; or a shard is missing or has changed in size.
    """
    data = Path(data)
    splits = read_dataset(data)["splits"]
    if isinstance(split, tuple):
        split = next((name for name in split if name in splits), None)
    if split is not None and split not in splits:
        raise InputError(
            f"{data}: no split {split!r} in these records. Available: {', '.join(splits)}."
        )
    videos: list[IndexedVideo] = []
    for name in splits if split is None else [split]:
        of_split: list[IndexedVideo] = []
        for shard in splits[name]["shards"]:
            path = data / shard["name"]
            _check_size(path, shard["bytes"])
            of_split += read_shard_index(path, shard["index_sha256"])
        _check_unique([video.name for video in of_split], data)
        videos += of_split
    if not videos:
        raise InputError(f"{data}: no video in these records; {AGAIN} from a folder that has some.")
    return videos


def read_dataset(data: str | Path) -> dict[str, Any]:
    """Read `dataset.json` of a folder of records; all types in it are checked."""
    data = Path(data)
    if not data.is_dir():
        raise InputError(f"{data}: no such folder.")
    path = data / DATASET_FILE
    if not path.is_file():
        # dataset.json is written last.
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
    content = read_records_json(path)
    try:
        for name, split in JsonValue(content).member("splits").members():
            if Path(name).name != name:  # shards are in the folder, and named after the split
                raise split.wrong("is not the name of a split")
            for shard in split.member("shards").items():
                _check_shard_entry(shard, name, data)
    except InputError as error:
        raise _damaged(path, error) from error
    return content


def read_shard_index(shard: Path, sha256: str | None = None) -> list[IndexedVideo]:
    """Read the videos of one shard from its index file, and verify its SHA-256 if given."""
    path = index_path(shard)
    content = JsonValue(read_records_json(path, sha256))
    try:
        size = content.member("bytes").whole()
        return [from_json(video, shard, size) for video in content.member("videos").items()]
    except InputError as error:
        raise _damaged(path, error) from error


def read_records_json(path: Path, sha256: str | None = None) -> dict[str, Any]:
    """Read one of the JSON files of a folder of records, and check its schema version.

    If its SHA-256 is given, in hexadecimal digits, it is verified.
    """
    try:
        data = path.read_bytes()
        # Verify the bytes that are parsed, so that the file cannot change in between.
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise InputError(f"its SHA-256 is not the one in {DATASET_FILE}")
        content = parse_json(data)
        version = JsonValue(content).member("schema_version").whole()
    except FileNotFoundError as error:
        raise InputError(f"{path}: is missing; {AGAIN}.") from error
    except (JsonError, InputError) as error:
        raise _damaged(path, error) from error
    # Before reading other members, whose types may differ in another version.
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: records of schema version {version}, but this version of ytvos-keras reads "
            f"{SCHEMA_VERSION}; {AGAIN}, or install the version that wrote them."
        )
    return content


def _check_shard_entry(shard: JsonValue, split: str, data: Path) -> None:
    for key in ("bytes", "videos"):
        shard.member(key).whole()
    for key in ("sha256", "index_sha256"):
        shard.member(key).text()
    name = shard.member("name")
    if not is_shard_name(name.text(), split):
        raise name.wrong(f"must be the name of a shard of {split!r}")
    for path in (data / name.text(), index_path(data / name.text())):
        # Downloaded records must not make a reader open other files on this machine.
        if path.is_symlink() and path.resolve().parent != data.resolve():
            raise name.wrong("must be a file in this folder, not a link out of it")


def _check_unique(names: Sequence[str], data: Path) -> None:
    if len(set(names)) < len(names):
        name, _ = Counter(names).most_common(1)[0]
        raise InputError(f"{data}: contains two videos named {name!r} in one split; {AGAIN}.")


def _damaged(path: Path, reason: Exception) -> InputError:
    return InputError(f"{path}: is damaged; {AGAIN}. ({first_line(reason)})")


def _check_size(shard: Path, size: int) -> None:
    if not shard.is_file():
        raise InputError(f"{shard}: this shard is missing; {AGAIN}.")
    # Comparing sizes costs nothing; `ytvos-prepare check` compares checksums.
    if (found := shard.stat().st_size) != size:
        raise InputError(
            f"{shard}: this shard has {found} bytes instead of {size}; is it cut off? "
            f"Copy it again, or {AGAIN}."
        )
