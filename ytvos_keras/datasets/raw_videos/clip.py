"""A clip of a raw video, and facts of the video."""

import dataclasses
import math
from dataclasses import dataclass
from fractions import Fraction

from ytvos_keras.datasets.raw_videos.quality import ClipQuality
from ytvos_keras.datasets.raw_videos.settings import ANNOTATE_EVERY, FRAME_RATE


@dataclass(frozen=True)
class Clip:
    """A stretch of a video at 30 frames per second.

    Args:
        name: the name of its folders, such as `dog-run_03`.
        video: the raw video's path relative to the folder of raw videos.
        start: time of the first frame, in seconds after the first frame of the video, exact.
        frame_count: number of frames.
        quality: its measures; None before it is cut.
        written: whether its frames have been written.
        reasons: why it is proposed for rejection; empty if it is proposed to be kept.
    """

    name: str
    video: str
    start: Fraction
    frame_count: int
    quality: ClipQuality | None = None
    written: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def end(self) -> Fraction:
        """End of the last frame, in seconds after the first frame of the video."""
        return self.start + self.frame_count / FRAME_RATE

    @property
    def annotated_count(self) -> int:
        """Frames marked for annotation: the first and every fifth after it."""
        return math.ceil(self.frame_count / ANNOTATE_EVERY)


@dataclass(frozen=True)
class RawVideo:
    """Facts and clips of a raw video.

    Args:
        video: its path relative to the folder of raw videos.
        size_in_bytes: of the file, to detect another file of the same name.
        frame_rate: average frames per second.
        frame_size: (height, width) of the frames written, in pixels.
        seconds: its duration.
        shot_count: number of shots.
        clips: the clips drawn from it, in order.
    """

    video: str
    size_in_bytes: int
    frame_rate: float
    frame_size: tuple[int, int]
    seconds: float
    shot_count: int
    clips: tuple[Clip, ...]

    def to_dict(self) -> dict:
        """Convert to plain types for JSON, without `reasons`, which follow from the limits."""
        values = dataclasses.asdict(self)
        for clip in values["clips"]:
            clip["start"] = str(clip["start"])  # exact: "1001/30000"
            del clip["reasons"]
        return values

    @classmethod
    def from_dict(cls, values: dict) -> "RawVideo":
        """Inverse of `to_dict`."""
        clips = [
            Clip(
                **{
                    **clip,
                    "start": Fraction(clip["start"]),
                    "quality": clip["quality"] and ClipQuality(**clip["quality"]),
                }
            )
            for clip in values["clips"]
        ]
        size = tuple(values["frame_size"])
        return cls(**{**values, "frame_size": size, "clips": tuple(clips)})
