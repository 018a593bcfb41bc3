"""What folders of pictures and video files have in common."""

import abc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError


class FrameSource(abc.ABC):
    """A sequence of frames, read lazily: one frame in memory at a time.

    Attributes:
        path: the folder or file.
        files: the files that hold the frames.
        count: number of frames; of a video what its header says, None where it says nothing.
        fps: frames per second, None for a folder of pictures.
        size: (height, width) of the first frame, in pixels.
        skip_damage: whether a frame that cannot be decoded is replaced by the one before it, and
            named in `damaged`, in place of an error. The first one must be whole.
        damaged: names of the frames that were replaced so far.
    """

    path: Path
    files: list[Path]
    count: int | None
    fps: Fraction | None
    size: tuple[int, int]
    skip_damage: bool = False

    def __init__(self) -> None:
        self.damaged: list[str] = []

    def _replace(self, name: str, error: InputError, before: np.ndarray | None) -> np.ndarray:
        """The frame before a damaged one, if that is wanted and there is one."""
        if not self.skip_damage or before is None:
            raise error
        if name not in self.damaged:
            self.damaged.append(name)
        return before

    @abc.abstractmethod
    def read(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (name, frame) from frame `start` on; frame is uint8 (H, W, 3), RGB, 0–255.

        Args:
            start: index of the first frame.
            wanted: says of an index whether that frame is to be yielded; all are if None.

        Raises:
            InputError: a frame cannot be read; the message names the file (and frame).
        """

    def read_with_times(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, Fraction | None, np.ndarray]]:
        """As `read`, with the time of each frame in seconds after the first one.

        None where frames have no time of their own: then they are shown at a steady rate.
        """
        for name, frame in self.read(start, wanted):
            yield name, None, frame

    @abc.abstractmethod
    def index_of(self, stem: str) -> int | None:
        """Return the index of the frame called `stem` (a file name without suffix), or None."""

    def index_at(self, time: Fraction) -> int | None:
        """Return the index of the first frame that is shown at a time or later.

        Args:
            time: seconds after the first frame.

        Returns:
            None if there is none, or frames have no times.
        """
        return None

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        return self.read()
