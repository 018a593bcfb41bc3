"""The files of one video: frames and the masks that a user gives."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.corrections import Corrections, open_corrections
from ytvos_keras.inference.first_masks import FirstMasks, open_first_masks
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.frames import open_frames


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Opened frames and checked masks.

    Attributes:
        source: the frames.
        first_masks: masks of the objects where they first appear.
        corrections: masks with which objects begin anew.
        every: frames 0, N, 2N … are segmented, and those that a mask is given for.
    """

    source: FrameSource
    first_masks: FirstMasks
    corrections: Corrections
    every: int = 1

    def wanted(self, index: int) -> bool:
        """Whether a frame of this index is to be segmented."""
        return (
            index % self.every == 0
            or index in self.first_masks.files
            or index in self.corrections.files
        )

    def index_after(self, count: int) -> int:
        """The index from which to read on when `count` frames have been segmented."""
        done = itertools.islice(filter(self.wanted, itertools.count()), count)
        return max((index + 1 for index in done), default=0)

    def read(self, done: int = 0) -> Iterator[tuple[int, str, np.ndarray]]:
        """Yield (index, name, frame) of the wanted frames but for the first `done` ones."""
        start = self.index_after(done)
        indexes = filter(self.wanted, itertools.count(start))
        frames = self.source.read(start, self.wanted)
        for index, (name, frame) in zip(indexes, frames, strict=False):  # indexes never end
            yield index, name, frame

    def read_with_times(self) -> Iterator[tuple[str, Fraction | None, np.ndarray]]:
        """Yield (name, time, frame) of the wanted frames; see `FrameSource.read_with_times`."""
        return self.source.read_with_times(wanted=self.wanted)

    @functools.cached_property
    def count(self) -> int | None:
        """Number of frames to segment, None if unknown."""
        total = self.source.count
        return None if total is None else sum(map(self.wanted, range(total)))


def check_files(
    frames: str | Path,
    masks: str | Path,
    output: str | Path,
    *,
    corrections: str | Path | None = None,
    every: int = 1,
    overwrite: bool = False,
) -> Inputs:
    """Check what `segment_files` is given, without TensorFlow: nothing is written.

    Args:
        frames: as for `segment_files`.
        masks: likewise.
        output: likewise.
        corrections: likewise.
        every: likewise.
        overwrite: likewise.

    Returns:
        The opened frames and masks.

    Raises:
        InputError: something given cannot be used.
    """
    if every < 1:
        raise InputError(f"every must be at least 1 (1: all frames). Received: {every}.")
    source = open_frames(frames)
    first_masks = open_first_masks(masks, source)
    inputs = Inputs(source, first_masks, open_corrections(corrections, source, first_masks), every)
    places = [frames, masks] if corrections is None else [frames, masks, corrections]
    _check_output(Path(output), [Path(place) for place in places], overwrite)
    return inputs


def _check_output(output: Path, inputs: list[Path], overwrite: bool) -> None:
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; give a folder for the masks.")
    places = [path if path.is_dir() else path.parent for path in inputs]
    if any(place.resolve() == output.resolve() for place in places):
        raise InputError(
            f"{output}: holds an input, which could be overwritten; give another folder."
        )
    if overwrite or not output.exists() or (output / RESUME_NAME).exists():
        return
    if any(not entry.name.startswith(".") for entry in output.iterdir()):
        raise InputError(
            f"{output}: is not empty; give another folder, or --overwrite (in Python: "
            "overwrite=True) to replace files of the same names."
        )
