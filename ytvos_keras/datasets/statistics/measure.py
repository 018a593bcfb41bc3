"""The columns of the paper's Table 1, and distributions."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ytvos_keras.datasets.statistics.video_facts import VideoFacts

DEFAULT_FPS = 30.0  # frame numbers per second in YouTube-VOS
TABLE_1 = ("videos", "categories", "objects", "annotations", "minutes")


@dataclass(frozen=True)
class DatasetStatistics:
    """The statistics of a data set; the order of arrays has no meaning.

    Args:
        frames: number of frames.
        annotated_frames: number of frames with a mask.
        annotations: number of objects in all masks together, as Table 1 counts them.
        objects_per_video: int (videos,).
        clip_lengths: int (videos,), in frames.
        seconds: float (videos,), see `duration`.
        area_shares: float (annotations,), of the mask that an object covers, 0–1.
        categories: number of objects by category, the most frequent first; objects without a
            category are not counted.
    """

    frames: int
    annotated_frames: int
    annotations: int
    objects_per_video: np.ndarray
    clip_lengths: np.ndarray
    seconds: np.ndarray
    area_shares: np.ndarray
    categories: Mapping[str, int]

    @property
    def table_1(self) -> dict[str, float]:
        """The columns of Table 1: `videos`, `categories`, `objects`, `annotations`, `minutes`."""
        values = (
            len(self.clip_lengths),
            len(self.categories),
            int(self.objects_per_video.sum()),
            self.annotations,
            float(self.seconds.sum()) / 60.0,
        )
        return dict(zip(TABLE_1, values, strict=True))

    @property
    def distributions(self) -> dict[str, np.ndarray]:
        """The distributions to show: one array per quantity."""
        return {
            "objects per video": self.objects_per_video,
            "frames per video": self.clip_lengths,
            "seconds per video": self.seconds,
            "mask area, % of frame": 100.0 * self.area_shares,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain types; for each array, five quantiles and the mean."""
        return {
            **self.table_1,
            "frames": self.frames,
            "annotated_frames": self.annotated_frames,
            "distributions": {
                name: summarize(values) for name, values in self.distributions.items()
            },
            "objects_by_category": dict(self.categories),
        }


def measure(videos: Iterable[VideoFacts], fps: float = DEFAULT_FPS) -> DatasetStatistics:
    """Compute the statistics of videos, at least one; for `fps` see `duration`."""
    videos = list(videos)
    objects = [info for video in videos for info in video.objects.values()]
    shares = [
        area / video.pixels
        for video in videos
        for info in video.objects.values()
        for area in info.areas
        if area
    ]
    categories = Counter(info.category for info in objects if info.category)
    return DatasetStatistics(
        frames=sum(len(video.frame_names) for video in videos),
        annotated_frames=sum(video.annotated for video in videos),
        annotations=len(shares),
        objects_per_video=np.array([len(video.objects) for video in videos], np.int64),
        clip_lengths=np.array([len(video.frame_names) for video in videos], np.int64),
        seconds=np.array([duration(video.frame_names, fps) for video in videos], np.float64),
        area_shares=np.array(shares, np.float64),
        categories=dict(sorted(categories.items(), key=lambda item: (-item[1], item[0]))),
    )


def duration(frame_names: Sequence[str], fps: float = DEFAULT_FPS) -> float:
    """Return the duration of a video in seconds.

    If frame names are numbers, they count as time: YouTube-VOS numbers frames at 30 per second and
    keeps every fifth, 00000, 00005, …; so 20 frames are 20 · 5 / 30 seconds. Each frame lasts as
    long as the median step. Other names count as 0, 1, 2, … A single frame is an image of duration
    0. `fps` is frame numbers per second, 24 for DAVIS.

    Example:
        >>> duration(["00000", "00005", "00010"], fps=30)
        0.5
    """
    if len(frame_names) < 2:
        return 0.0
    numbers = np.arange(len(frame_names))
    # Longer numbers, such as time stamps in nanoseconds, would not stay exact as floats.
    if all(re.fullmatch(r"[0-9]{1,15}", name) for name in frame_names):
        numbers = np.array([int(name) for name in frame_names])
    # The median, which gaps where frames were removed do not change.
    step = float(np.median(np.diff(numbers)))
    return float(numbers[-1] - numbers[0] + step) / fps


def summarize(values: np.ndarray) -> dict[str, float | None]:
    """Return minimum, quartiles, maximum and mean, all None for an empty array."""
    names = ("min", "25%", "median", "75%", "max")
    if not values.size:
        return dict.fromkeys((*names, "mean"))
    quantiles = np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0))
    return dict(zip((*names, "mean"), (*quantiles.tolist(), float(values.mean())), strict=True))
