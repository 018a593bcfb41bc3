"""Manage a folder of records: keep or remove shards, and write `dataset.json`."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ytvos_keras.errors import InputError
from ytvos_keras.media.checksum import file_sha256
from ytvos_keras.media.json_file import write_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.records.index import (
    DATASET_FILE,
    index_path,
    is_shard_name,
    read_dataset,
    read_records_json,
    read_shard_index,
)
from ytvos_keras.records.run_folder import RunFolder
from ytvos_keras.records.schema import SCHEMA_VERSION
from ytvos_keras.records.shard_plan import ShardTask, digest

logger = logging.getLogger(__name__)


def make_room(output: Path, split: str, tasks: Sequence[ShardTask], *, overwrite: bool) -> None:
    """Prepare the folder for the shards of a split; complete shards of the same videos are kept.

    Any other shard of the split is an error or, with `overwrite`, removed, and so is a damaged one.
    So is a damaged `dataset.json`: then other splits must be described again, too.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; give a folder for the records.")
    output.mkdir(parents=True, exist_ok=True)
    if overwrite:
        _drop_damaged_dataset(output)
    splits = _splits(output)
    shards = sorted(path for path in output.glob("*.tfrecord") if is_shard_name(path.name, split))
    wanted = {task.path: task for task in tasks}
    changed = _changed_indexes(output, splits.get(split, {}))
    stale = [
        path
        for path in shards
        if path not in wanted or path in changed or not is_whole(wanted[path])
    ]
    if stale and not overwrite:
        raise InputError(
            f"{stale[0]}: is damaged, or was written from other videos or with other settings; "
            "give another folder or split, or --overwrite (in Python: overwrite=True) to replace "
            f"{split!r}."
        )
    # This also ends a run that is still writing there: its workers find their folder gone.
    RunFolder.remove_others(output, split)
    if overwrite:
        stale += [path for path in shards if path not in stale and _is_damaged(path)]
    if stale:
        _remove(output, split, stale)


def _drop_damaged_dataset(output: Path) -> None:
    try:
        _splits(output)
    except InputError:
        path = output / DATASET_FILE
        logger.warning(
            "%s: was damaged and is replaced; run ytvos-prepare again for every other split "
            "(complete shards are kept)",
            path,
        )
        path.unlink()


def _changed_indexes(output: Path, split: dict[str, Any]) -> set[Path]:
    """The shards whose index is not the one that `dataset.json` describes."""
    listed = {output / shard["name"]: shard["index_sha256"] for shard in split.get("shards", ())}
    return {
        shard
        for shard, expected in listed.items()
        if (index := index_path(shard)).is_file() and file_sha256(index) != expected
    }


def is_whole(task: ShardTask) -> bool:
    """Whether the shard exists, is complete, and was written from the same files."""
    if not task.path.is_file():
        return False
    try:
        index = read_records_json(index_path(task.path))
    except InputError:
        return False
    return (
        index.get("fingerprint") == task.fingerprint
        # By size: for a checksum, every shard would have to be read.
        and index.get("bytes") == task.path.stat().st_size
        # A shard that skipped videos is incomplete for a run in which faults are errors.
        and (task.skip_faulty or not index.get("skipped"))
    )


def _is_damaged(shard: Path) -> bool:
    return read_records_json(index_path(shard)).get("sha256") != file_sha256(shard)


def describe_split(tasks: Sequence[ShardTask]) -> dict[str, Any]:
    """Create the entry of `dataset.json` from the index files of the finished shards.

    It is an error if every video was skipped for a fault.
    """
    shards, skipped, videos = [], [], []
    for task in tasks:
        path = index_path(task.path)
        index = JsonValue(read_records_json(path))
        of_shard = read_shard_index(task.path)
        shards.append(
            {
                "name": task.path.name,
                "bytes": index.member("bytes").whole(),
                "sha256": index.member("sha256").text(),
                # dataset.json has the checksum of the index, which has those of the images.
                "index_sha256": file_sha256(path),
                "videos": len(of_shard),
            }
        )
        skipped += [
            {key: video.member(key).text() for key in ("name", "fault")}
            for video in index.member("skipped").items()
        ]
        videos += of_shard
    if not videos:
        raise InputError(f"every video has a fault; the first: {skipped[0]['fault']}")
    objects = [info for video in videos for info in video.objects.values()]
    categories = Counter(info.category for info in objects if info.category)
    return {
        "source": tasks[0].source,
        "fingerprint": digest([task.fingerprint for task in tasks]),
        "videos": len(videos),
        "frames": sum(len(video.frame_names) for video in videos),
        "annotated_frames": sum(len(video.annotated) for video in videos),
        "objects": len(objects),
        "annotations": sum(area > 0 for info in objects for area in info.areas),
        "categories": dict(sorted(categories.items())),
        "bytes": sum(shard["bytes"] for shard in shards),
        "skipped": sorted(skipped, key=lambda video: video["name"]),
        "shards": shards,
    }


def add_split(output: Path, split: str, entry: dict[str, Any]) -> None:
    """Put the entry of a split into `dataset.json`."""
    _write_dataset(output, {**_splits(output), split: entry})


def _splits(output: Path) -> dict[str, Any]:
    return read_dataset(output)["splits"] if (output / DATASET_FILE).exists() else {}


def _write_dataset(output: Path, splits: dict[str, Any]) -> None:
    content = {"schema_version": SCHEMA_VERSION, "splits": dict(sorted(splits.items()))}
    path = output / DATASET_FILE
    try:
        write_json(path, content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written. ({error.strerror or error})") from error


def _remove(output: Path, split: str, shards: Sequence[Path]) -> None:
    splits = _splits(output)
    if splits.pop(split, None) is not None:  # dataset.json first: it must not list missing shards
        _write_dataset(output, splits)
    for shard in shards:
        # The shard first, in the reverse order of writing: no shard is ever without its index.
        shard.unlink()
        index_path(shard).unlink(missing_ok=True)
