"""Base class of image folders and video files."""

import abc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np

from ytvos_keras.errors import InputError

_Frame = TypeVar("_Frame")  # decoded, or as an array


class FrameSource(abc.ABC):
    """A sequence of frames, read lazily: one frame in memory at a time.

    Attributes:
        path: the folder or file.
        files: the files that hold the frames.
        count: number of frames; for a video according to its header, None if unknown.
        fps: frames per second, None for a folder of images.
        size: (height, width) of the first frame, in pixels.
        skip_damage: whether to replace a frame that cannot be decoded by the nearest intact one
            before it and list it in `damaged`, instead of raising an error. The first frame must be
            intact.
        damaged: names of the frames replaced so far.
    """

    path: Path
    files: list[Path]
    count: int | None
    fps: Fraction | None
    size: tuple[int, int]
    skip_damage: bool = False

    def __init__(self) -> None:
        self.damaged: list[str] = []

    @property
    def most(self) -> int:
        """The number of frames or, for a video, an upper bound of it."""
        return self.count or 0

    def may_have(self, index: int) -> bool:
        """Whether a frame with this index exists or, in a video of unknown length, may exist."""
        return index < self.most

    def _replace(self, name: str, error: InputError, before: _Frame | None) -> _Frame:
        """The replacement for a damaged frame, if enabled and available."""
        if not self.skip_damage or before is None:
            raise error
        # A source may be read several times, for example in both directions.
        if name not in self.damaged:
            self.damaged.append(name)
        return before

    def read(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (name, frame) from frame `start` on; frame is uint8 (H, W, 3), RGB, 0–255.

        Args:
            start: index of the first frame.
            wanted: tells whether to yield the frame with an index; None for all frames.

        Raises:
            InputError: a frame cannot be read; the message names the file (and frame).
        """
        for name, _, frame in self.read_with_times(start, wanted):
            yield name, frame

    @abc.abstractmethod
    def read_with_times(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, Fraction | None, np.ndarray]]:
        """Like `read`, with the time of each frame in seconds after the first one.

        The time is None if frames have no time stamps; they are then shown at a constant rate.
        """

    @abc.abstractmethod
    def index_of(self, stem: str) -> int | None:
        """Return the index of the frame called `stem` (a file name without suffix), or None."""

    def index_at(self, time: Fraction) -> int | None:
        """Return the index of the first frame that is shown at `time` or later.

        Args:
            time: seconds after the first frame.

        Returns:
            The index; None if there is no such frame, or if frames have no times.
        """
        return None

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        return self.read()
