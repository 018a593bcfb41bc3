"""A range of the frames of a video, given by frame or by time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import frame_index
from ytvos_keras.media.frame_source import FrameSource

# `90s`, `1:30`, `0:01:30.5`; a plain number is a frame.
_TIME = re.compile(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,9}(?:\.\d{1,9})?)(s?)")


@dataclass(frozen=True)
class FrameRange:
    """Frames `start` to `stop - 1`.

    Attributes:
        start: index of the first frame.
        stop: index after the last frame; None: to the end.
    """

    start: int = 0
    stop: int | None = None

    def __contains__(self, index: int) -> bool:
        return index >= self.start and (self.stop is None or index < self.stop)

    @classmethod
    def of(cls, start: str | None, stop: str | None, source: FrameSource) -> "FrameRange":
        """Parse a range given by a user.

        Args:
            start: name or number of the first frame, or a time such as `12.5s` or `1:02`; None:
                the first of the video.
            stop: the first frame to exclude, in the same form; the number after the last frame, a
                time after it, or None: to the end.
            source: the frames.
        """
        first = 0 if start is None else _index(start, source)
        end = None if stop is None else _end(stop, source)
        if end is not None and first >= end:
            raise InputError(f"{source.path}: no frame from {start or 0} to {stop}.")
        return cls(first, end)

    def check_holds(self, indexes: Iterable[int], path: Path) -> None:
        """Raise `InputError` unless the frames with given masks lie in the range."""
        outside = [index for index in indexes if index not in self]
        if outside:
            raise InputError(
                f"{path}: a mask is given for frame {outside[0]}, outside the range of frames "
                f"{self.start} to {'the end' if self.stop is None else self.stop - 1}; give a mask "
                "within it (a single mask belongs to the first frame unless --mask-frame says "
                "otherwise)."
            )


def _index(text: str, source: FrameSource) -> int:
    time = _time(text, source)
    if time is None:
        return frame_index(text, source)
    index = source.index_at(time)
    if index is None:
        raise _no_frame(text, source)
    return index


def _end(text: str, source: FrameSource) -> int | None:
    time = _time(text, source)
    if time is None:
        return frame_index(text, source, or_end=True)
    index = source.index_at(time)
    # None for a time after the last frame, but also if frames have no times.
    if index is None and source.index_at(Fraction(0)) is None:
        raise _no_frame(text, source)
    return index


def _time(text: str, source: FrameSource) -> Fraction | None:
    """The time that a text stands for, in seconds; None if it stands for a frame."""
    match = _TIME.fullmatch(text)
    # Names come first: a frame may be named `12s`. A bare number is a frame, not seconds.
    if source.index_of(text) is not None or not match or not (match[2] or match[4]):
        return None
    # Exact, as time stamps are fractions too.
    hours, minutes, seconds = (Fraction(part or 0) for part in match.group(1, 2, 3))
    return 3600 * hours + 60 * minutes + seconds


def _no_frame(text: str, source: FrameSource) -> InputError:
    return InputError(
        f"{source.path}: has no frame at {text}, or its frames have no times; give the name or "
        "number of a frame."
    )
