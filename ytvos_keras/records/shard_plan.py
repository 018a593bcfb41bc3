"""Assign videos to shards, with fingerprints that detect outdated shards."""

import hashlib
import json
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.video import EncodedFile, Video
from ytvos_keras.errors import InputError
from ytvos_keras.records.index import shard_name
from ytvos_keras.records.schema import SCHEMA_VERSION

_SHARD_BYTES = 128e6  # large enough for sequential reads, small enough for many workers
_FEWEST = 8  # so that small data sets are shuffled and written in parallel too


@dataclass(frozen=True)
class ShardTask:
    """The task of a worker: one shard to write.

    Args:
        path: the TFRecord file.
        source: the data set.
        videos: its videos in the order of the records.
        fingerprint: hash of everything that determines the shard, if no video has a fault.
        skip_faulty: whether to skip a video with a fault instead of stopping.
    """

    path: Path
    source: str
    videos: tuple[Video, ...]
    fingerprint: str
    skip_faulty: bool


def plan_shards(
    videos: Sequence[Video],
    output: Path,
    *,
    split: str,
    source: str,
    shards: int | None,
    skip_faulty: bool,
) -> list[ShardTask]:
    """Assign videos to shards, round-robin.

    By default there is one shard per 128 MB of images, but at least eight. There are never more
    shards than videos, so that none is empty.
    """
    stamps = [_stamp(video) for video in videos]
    if shards is None:
        shards = max(_FEWEST, math.ceil(sum(size for _, size in stamps) / _SHARD_BYTES))
    shards = min(shards, len(videos))
    settings = [SCHEMA_VERSION, split, source]
    return [
        ShardTask(
            path=output / shard_name(split, index, shards),
            source=source,
            # Not in blocks: neighbouring videos are often similar, and shards should be even.
            videos=tuple(videos[index::shards]),
            fingerprint=digest([*settings, index, shards, [s for s, _ in stamps[index::shards]]]),
            skip_faulty=skip_faulty,
        )
        for index in range(shards)
    ]


def _stamp(video: Video) -> tuple[list, int]:
    """Return a stamp that changes with the video, and the size of its images in bytes."""
    files = [
        (frame.name, _file_stamp(frame.image), frame.mask and _file_stamp(frame.mask))
        for frame in video.frames
    ]
    categories = sorted(video.categories.items())
    size = sum(image[0] + (mask[0] if mask else 0) for _, image, mask in files)
    return [video.name, video.binary, categories, files], size


def _file_stamp(file: EncodedFile) -> tuple[int, int | str]:
    """Size and modification time of a file; for a drawn mask, a checksum of its source."""
    if not isinstance(file, Path):
        # Its size is unknown before it is drawn. The pickle covers everything it is drawn from.
        return 0, hashlib.sha256(pickle.dumps(file)).hexdigest()
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"{file}: cannot be read. ({error.strerror or error})") from error
    # Not a checksum: that would read the whole data set before each run.
    return status.st_size, status.st_mtime_ns


def digest(content: list) -> str:
    """A checksum of any JSON-serializable value."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
