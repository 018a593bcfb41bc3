"""The input files of one video: frames and given masks."""

import dataclasses
import functools
import itertools
import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.readers.run_lengths import pycocotools
from ytvos_keras.errors import InputError
from ytvos_keras.inference.box_masks import Boxes, BoxMasks, is_box_folder, open_boxes
from ytvos_keras.inference.corrections import Corrections, open_corrections
from ytvos_keras.inference.directions import Trusted, default_direction, keep_ids, trusted_ids
from ytvos_keras.inference.first_masks import FirstMasks, open_first_masks
from ytvos_keras.inference.frame_range import FrameRange
from ytvos_keras.inference.options import SegmentOptions
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.frames import open_frames
from ytvos_keras.media.reversed_frames import read_reversed

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Opened frames and checked masks.

    Attributes:
        source: the frames.
        first_masks: masks of the objects where they first appear.
        corrections: masks that correct objects.
        every: segment every N-th frame from the first, and those with a given mask.
        direction: `forward`, `backward` or `both`.
        range: the frames to process.
        boxes: where the first masks are yet to be found; None if they were given.
    """

    source: FrameSource
    first_masks: FirstMasks
    corrections: Corrections
    every: int = 1
    direction: str = "forward"
    range: FrameRange = dataclasses.field(default_factory=FrameRange)
    boxes: BoxMasks | None = None

    @functools.cached_property
    def trusted(self) -> Trusted:
        """The frames in which a mask of each object is given, including corrections."""
        trusted = {i: set(indexes) for i, indexes in self.first_masks.trusted.items()}
        for index, ids in self.corrections.ids.items():
            for object_id in ids:
                trusted[object_id].add(index)
        return {object_id: sorted(indexes) for object_id, indexes in trusted.items()}

    def wanted(self, index: int) -> bool:
        """Whether to segment the frame with this index."""
        return index in self.range and (
            (index - self.range.start) % self.every == 0
            or index in self.first_masks.files
            or index in self.corrections.files
        )

    def indexes(self, start: int = 0) -> Iterator[int]:
        """The frames to segment from `start` on; endless unless the range has an end."""
        stop = self.range.stop
        return filter(self.wanted, itertools.count(start) if stop is None else range(start, stop))

    def index_after(self, count: int) -> int:
        """The index from which to continue after `count` segmented frames."""
        # Indexes may be endless, and `count` comes from a file.
        done = itertools.islice(self.indexes(), min(count, self.source.most))
        return max((index + 1 for index in done), default=0)

    def read(self, done: int = 0) -> Iterator[tuple[int, str, np.ndarray]]:
        """Yield (index, name, frame) of the wanted frames except the first `done` ones."""
        start = self.index_after(done)
        frames = self.source.read(start, self.wanted)
        # Not strict: indexes may be endless, and a video may be shorter than its header says.
        for index, (name, frame) in zip(self.indexes(start), frames, strict=False):
            yield index, name, frame

    def read_with_times(self) -> Iterator[tuple[int, str, Fraction | None, np.ndarray]]:
        """Yield (index, name, time, frame) of the wanted frames; see `FrameSource` for times."""
        frames = self.source.read_with_times(self.range.start, self.wanted)
        for index, (name, time, frame) in zip(self.indexes(), frames, strict=False):
            yield index, name, time, frame

    def read_backward(self, done: int = 0) -> Iterator[tuple[int, str, np.ndarray]]:
        """Yield (index, name, frame) from the last given mask back to the first; skip `done`."""
        indexes = self.backward_indexes[done:]
        for index, (name, frame) in zip(indexes, read_reversed(self.source, indexes), strict=False):
            yield index, name, frame

    @functools.cached_property
    def backward_indexes(self) -> list[int]:
        """The frames of the backward pass, in descending order."""
        last = max(indexes[-1] for indexes in self.trusted.values())
        return list(filter(self.wanted, range(last, -1, -1)))

    def given(self, index: int) -> np.ndarray | None:
        """The given masks of a frame that are used, uint8 (H, W); None if there are none."""
        ids = trusted_ids(self.trusted, index)
        if not ids:
            return None
        labels = np.zeros(self.source.size, np.uint8)
        first, corrected = self.first_masks.read(index), self.corrections.read(index)
        if first is not None:
            labels = keep_ids(first, trusted_ids(self.first_masks.trusted, index))
        if corrected is not None:  # on top
            labels = np.where(np.isin(labels, self.corrections.ids[index]), 0, labels)
            labels = np.where(corrected > 0, corrected, labels).astype(np.uint8)
        return labels

    @functools.cached_property
    def count(self) -> int | None:
        """Number of frames to segment, None if unknown."""
        total = self.source.count
        if total is None:
            total = self.range.stop
        return None if total is None else sum(map(self.wanted, range(total)))


def check_files(
    frames: str | Path,
    masks: str | Path | Boxes,
    output: str | Path,
    *,
    corrections: str | Path | None = None,
    options: SegmentOptions | None = None,
) -> Inputs:
    """Check the arguments of `segment_files`, without TensorFlow and without writing.

    Returns the opened frames and masks.
    """
    options = options or SegmentOptions()
    source = open_frames(frames, track=options.track, skip_damage=options.on_damage == "skip")
    frame_range = FrameRange.of(options.start, options.stop, source)
    places = (frames, None if isinstance(masks, Mapping) else masks, corrections)
    # Before a frame is read for boxes, which takes a while in the middle of a video.
    check_output(Path(output), [Path(p) for p in places if p is not None], options.overwrite)
    boxes, first_masks = _open_masks(masks, source, Path(output), options, frame_range)
    frame_range.check_holds(first_masks.files, source.path)
    direction = options.direction or default_direction(first_masks.trusted, frame_range.start)
    if options.direction is None and direction == "both":
        logger.info(
            "%s: no mask for the first frame, so objects are also tracked backward from their "
            "masks (use --direction forward to avoid that)",
            source.path if boxes else masks,
        )
    given = open_corrections(corrections, source, first_masks, any_frame=direction != "forward")
    if corrections is not None:
        frame_range.check_holds(given.files, Path(corrections))
    inputs = Inputs(source, first_masks, given, options.every, direction, frame_range, boxes)
    if boxes:
        boxes.check_place(overwrite=options.overwrite)
    if options.coco is not None:
        _check_coco(Path(options.coco), Path(output))
    return inputs


def _open_masks(
    masks: str | Path | Boxes,
    source: FrameSource,
    output: Path,
    options: SegmentOptions,
    within: FrameRange,
) -> tuple[BoxMasks | None, FirstMasks]:
    frame = options.mask_frame
    if isinstance(masks, Mapping):
        boxes = open_boxes(masks, source, output, mask_frame=frame, first=within.start)
        return boxes, boxes.first_masks()
    return None, open_first_masks(
        masks,
        source,
        mask_frame=frame,
        first=within.start,
        stop=within.stop,
        use_all=options.all_masks,
    )


def _check_coco(file: Path, output: Path) -> None:
    """Check that a COCO file can be written after the masks, hours into a run."""
    pycocotools()
    if file.is_dir():
        raise InputError(f"{file}: is a folder; give a file for the masks in COCO format.")
    if not file.parent.is_dir() and file.parent.resolve() != output.resolve():
        raise InputError(f"{file}: the folder does not exist; create it first.")


def check_output(output: Path, inputs: list[Path], overwrite: bool) -> None:
    """Check that masks may be written to a folder: an empty one, or that of an unfinished run."""
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; give a folder for the masks.")
    # The parent of a file counts: an output with the name of an input would replace it.
    places = [path if path.is_dir() else path.parent for path in inputs]
    if any(place.resolve() == output.resolve() for place in places):
        raise InputError(
            f"{output}: contains an input, which could be overwritten; give another folder."
        )
    if not overwrite and not is_free(output):
        raise InputError(
            f"{output}: is not empty; give another folder, or --overwrite (in Python: "
            "overwrite=True) to replace files of the same names."
        )


def is_free(output: Path) -> bool:
    """Whether a folder is missing, empty, or that of an unfinished run."""
    if not output.exists() or (output / RESUME_NAME).exists():
        return True
    # Hidden files do not count: locks, and leftovers of killed processes. Neither do masks found in
    # boxes, which are written before the run begins.
    entries = (entry for entry in output.iterdir() if not entry.name.startswith("."))
    return all(map(is_box_folder, entries))
