"""The facts of each video that statistics are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ytvos_keras.datasets.label_values import decode_labels, is_binary, label_areas
from ytvos_keras.datasets.object_info import ObjectInfo, objects_of
from ytvos_keras.datasets.video import Video
from ytvos_keras.processes import map_in_processes
from ytvos_keras.progress import Progress, silent


@dataclass(frozen=True)
class VideoFacts:
    """The facts of a video that statistics are computed from.

    Args:
        frame_names: in order.
        annotated: number of frames with a mask.
        pixels: of a mask; 0 if there is none.
        objects: by id.
    """

    frame_names: tuple[str, ...]
    annotated: int
    pixels: int
    objects: Mapping[int, ObjectInfo]


def facts_of_videos(
    videos: Sequence[Video], *, jobs: int = 1, on_progress: Progress = silent
) -> list[VideoFacts]:
    """The facts of videos in folders: every mask is decoded, in `jobs` processes.

    `on_progress` is called with "stats", the number of videos done and the total.
    """
    facts = []
    for video in map_in_processes(_facts, videos, jobs, chunk=8, what="reads masks"):
        facts.append(video)
        on_progress("stats", len(facts), len(videos))
    return facts


def _facts(video: Video) -> VideoFacts:
    areas = {
        index: label_areas(decode_labels(frame.mask.read_bytes(), str(frame.mask)))
        for index, frame in enumerate(video.frames)
        if frame.mask is not None
    }
    binary = video.binary or is_binary(areas.values())
    return VideoFacts(
        tuple(frame.name for frame in video.frames),
        len(areas),
        max((int(counts.sum()) for counts in areas.values()), default=0),
        objects_of(areas, binary, video.categories),
    )
