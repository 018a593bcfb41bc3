"""Write one shard and its index file atomically."""

import contextlib
import json
import uuid
import zlib
from pathlib import Path
from typing import Any

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.checksum import file_sha256
from ytvos_keras.records.encode_video import encode_video
from ytvos_keras.records.index import index_path
from ytvos_keras.records.indexed_video import Blob, IndexedVideo, to_json
from ytvos_keras.records.run_folder import RunEndedError, RunFolder
from ytvos_keras.records.schema import SCHEMA_VERSION, EncodedVideo, serialize
from ytvos_keras.records.shard_plan import ShardTask

_REMEDY = (
    "(--skip-faulty skips such videos and names them in dataset.json; `ytvos-prepare check` lists "
    "all faults of a data set in folders)"
)
_HEADER, _FOOTER = 12, 4  # bytes around a record: its length and checksums


def run_task(path: str) -> None:
    """Run the `ShardTask` in a file of `RunFolder.add_task`; report a failure to the run."""
    # The task is in the folder of the run, under the path that all workers share.
    run = RunFolder(Path(path).parent)
    with contextlib.suppress(RunEndedError):  # nobody is waiting for the result
        try:
            write_shard(run.read_task(path), run)
        except InputError as error:
            run.fail(str(error))


def write_shard(task: ShardTask, run: RunFolder) -> None:
    """Write a shard in the folder of the run; move it and its index out when it is complete.

    Raises an `InputError` for a video with a fault unless `skip_faulty`, and `RunEndedError`.
    """
    # A new name for each attempt: a runner may process a shard twice at the same time.
    part = run.path / f"{uuid.uuid4().hex}.{task.path.name}"
    index_part = index_path(part)
    try:
        content = _write_records(task, part, run)
        index_part.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
        # The shard last: if it exists, so does its index.
        index_part.replace(index_path(task.path))
        part.replace(task.path)
    except OSError as error:
        if not run.path.is_dir():
            # The folder was removed in the meantime: not a disk error.
            raise RunEndedError from error
        raise InputError(
            f"{task.path}: cannot be written. ({error.strerror or first_line(error)})"
        ) from error
    finally:
        part.unlink(missing_ok=True)
        index_part.unlink(missing_ok=True)


def _write_records(task: ShardTask, part: Path, run: RunFolder) -> dict[str, object]:
    """Write the records; return the content of the index file."""
    import tensorflow as tf

    entries, skipped, start = [], [], 0
    try:
        with tf.io.TFRecordWriter(str(part)) as writer:
            for video in task.videos:
                try:
                    encoded = encode_video(video, task.source)
                    record = serialize(encoded)
                except InputError as fault:
                    if not task.skip_faulty:
                        raise InputError(f"{fault} {_REMEDY}") from fault
                    skipped.append({"name": video.name, "fault": str(fault)})
                else:
                    writer.write(record)
                    entries.append(_entry(encoded, record, start + _HEADER, task.path))
                    start += _HEADER + len(record) + _FOOTER
                run.count()
    except tf.errors.OpError as error:
        raise OSError(_reason(error)) from error
    # TFRecordWriter does not report every failed write.
    if (size := part.stat().st_size) != start:
        raise OSError(f"{size} bytes were written instead of {start}; is the disk full?")
    return {
        "schema_version": SCHEMA_VERSION,
        "shard": task.path.name,
        "bytes": size,
        "sha256": file_sha256(part),
        "fingerprint": task.fingerprint,
        "skipped": skipped,
        "videos": entries,
    }


def _entry(video: EncodedVideo, record: bytes, start: int, shard: Path) -> dict[str, object]:
    """The index entry of a video; `start` is the record's offset in the shard, in bytes."""
    place = 0

    def find(blob: bytes) -> Blob:
        # Images are contiguous in a record, in the order of the frames.
        nonlocal place
        found = record.index(blob, place)
        place = found + len(blob)
        return Blob(start + found, len(blob), zlib.crc32(blob))

    places: dict[str, Any] = {
        "annotated": video.annotated,
        "images": tuple(find(image) for image in video.images),
        "masks": tuple(None if mask is None else find(mask) for mask in video.masks),
        "shard": shard,
    }
    return to_json(IndexedVideo(**{**vars(video), **places}))


def _reason(error) -> str:
    """Return the last part of `<file>; No space left on device`."""
    return first_line(error).rpartition("; ")[2]
