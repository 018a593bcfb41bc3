"""Check a folder of records."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.check.report import CheckReport
from ytvos_keras.datasets.check.video_check import VideoFindings, check_video, size_text
from ytvos_keras.datasets.selection import select_names
from ytvos_keras.errors import InputError
from ytvos_keras.media.checksum import file_sha256
from ytvos_keras.processes import map_in_processes
from ytvos_keras.progress import Progress, silent
from ytvos_keras.records.index import index_path, read_dataset, read_shard_index
from ytvos_keras.records.indexed_video import IndexedVideo
from ytvos_keras.records.recorded_video import recorded_video

_OTHER_SHA256 = "its SHA-256 is not the one in dataset.json"


def check_records(
    data: str | Path,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
    jobs: int = 1,
    on_progress: Progress = silent,
) -> CheckReport:
    """Compare shards, indexes and images with their checksums, and decode every image.

    The arguments are those of `check`; shards are always checked in full. Faults that `check` lists
    for folders are listed for records too, as far as they can still be detected.
    """
    data = Path(data)
    shards = [
        (data / shard["name"], shard)
        for split in read_dataset(data)["splits"].values()
        for shard in split["shards"]
    ]
    faults, recorded = [], []
    for path, expected in shards:
        in_shard, problems = _videos_of(path, expected)
        faults += problems
        recorded += in_shard
    # Whole shards, even if few videos are chosen: damage outside images is found only here.
    faults += [fault for found in map_in_processes(_check_shard, shards, jobs) for fault in found]
    names = [video.name for video in recorded]
    wanted = set(select_names(names, data, videos=videos, exclude=exclude))
    chosen = [video for video in recorded if video.name in wanted]
    frames, done = sum(len(video.frame_names) for video in chosen), 0
    results = map_in_processes(_check_video, chosen, jobs, what="checks records")
    for video, found in zip(chosen, results, strict=True):
        faults += found
        done += len(video.frame_names)
        on_progress("check", done, frames)
    return CheckReport(data, len(chosen), frames, tuple(faults))


def _videos_of(path: Path, expected: dict[str, Any]) -> tuple[list[IndexedVideo], list[Fault]]:
    """The videos of a shard according to its index, and faults of the index."""
    if not path.is_file():
        return [], [Fault("damaged-shard", path.name, f"missing, with {expected['videos']} videos")]
    try:
        videos = read_shard_index(path)
    except InputError as error:
        return [], [Fault("wrong-index", index_path(path).name, str(error))]
    if len(videos) != expected["videos"]:
        what = f"{len(videos)} videos instead of {expected['videos']}"
    elif file_sha256(index_path(path)) != expected.get("index_sha256"):
        what = _OTHER_SHA256
    else:
        return videos, []
    return videos, [Fault("wrong-index", index_path(path).name, what)]


def _check_shard(shard: tuple[Path, dict[str, Any]]) -> list[Fault]:
    path, expected = shard
    if not path.is_file():
        return []  # already reported
    # The cheap check first: a truncated shard need not be read.
    if (size := path.stat().st_size) != expected["bytes"]:
        what = f"{size} bytes instead of {expected['bytes']}"
        return [Fault("damaged-shard", path.name, what)]
    if file_sha256(path) != expected["sha256"]:
        return [Fault("damaged-shard", path.name, _OTHER_SHA256)]
    return []


def _check_video(video: IndexedVideo) -> tuple[Fault, ...]:
    findings = check_video(recorded_video(video))
    return (*findings.faults, *_disagreements(video, findings))


def _disagreements(video: IndexedVideo, findings: VideoFindings) -> Iterator[Fault]:
    """Find contradictions between a video's index entry and its images."""
    place = f"{index_path(video.shard).name}: {video.name}"
    if findings.sizes - {(video.height, video.width)}:
        sizes = ", ".join(map(size_text, sorted(findings.sizes)))
        what = f"frames are {sizes}, not {size_text((video.height, video.width))} (height x width)"
        yield Fault("wrong-index", place, what)
    for i, frame in enumerate(video.annotated):
        shown = findings.objects.get(video.frame_names[frame])
        listed = {number: info.areas[i] for number, info in video.objects.items() if info.areas[i]}
        # None: a damaged mask, which is already reported.
        if shown is not None and shown != listed:
            what = f"its objects differ from the mask of {video.frame_names[frame]}"
            yield Fault("wrong-index", place, what)
