"""Settings for cutting clips from raw videos (section 3 of the paper)."""

import math
from dataclasses import dataclass
from fractions import Fraction

from ytvos_keras.errors import InputError

FRAME_RATE = Fraction(30)  # frames per second of every clip
ANNOTATE_EVERY = 5  # frames: 6 annotations per second


@dataclass(frozen=True)
class ClipSettings:
    """Settings of frame selection. The defaults are the paper's, which states no height.

    Args:
        clips_per_video: largest number of clips cut from a video.
        min_seconds: shortest clip.
        max_seconds: longest clip.
        skip: fraction of the video left out at its beginning, and again at its end (titles,
            credits).
        height: of the frames written, in pixels, at the video's aspect ratio; smaller videos are
            not enlarged. None for the height of the video.
        seed: seed for drawing the clips.

    Raises:
        InputError: a value is out of its range.
    """

    clips_per_video: int = 5
    min_seconds: float = 3.0
    max_seconds: float = 6.0
    skip: float = 0.1
    height: int | None = None
    seed: int = 0

    def __post_init__(self):
        if self.clips_per_video < 1:
            raise InputError(
                f"clips per video must be at least 1. Received: {self.clips_per_video}"
            )
        if not 1 <= self.min_seconds <= self.max_seconds < math.inf:
            raise InputError(
                "the lengths of clips must be at least 1 second, the shortest first. Received: "
                f"{self.min_seconds:g} to {self.max_seconds:g} seconds"
            )
        fewest, most = self.frame_counts
        if fewest > most:
            raise InputError(
                f"no clip of a whole number of frames at {FRAME_RATE} per second is "
                f"{self.min_seconds:g} to {self.max_seconds:g} seconds long; give a wider range"
            )
        if not 0 <= self.skip < 0.5:
            raise InputError(
                "the fraction skipped at each end must be at least 0 and below 0.5. "
                f"Received: {self.skip:g}"
            )
        if self.height is not None and self.height < 16:
            raise InputError(f"height must be at least 16 pixels. Received: {self.height}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more. Received: {self.seed}")

    @property
    def frame_counts(self) -> tuple[int, int]:
        """Frames of the shortest and of the longest clip."""
        # As text: the float 3.3 is slightly less than 3.3. Rounded inward, so that no clip is
        # shorter or longer than requested.
        fewest = math.ceil(Fraction(str(self.min_seconds)) * FRAME_RATE)
        return fewest, math.floor(Fraction(str(self.max_seconds)) * FRAME_RATE)
