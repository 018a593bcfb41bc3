"""Read label maps of predictions and ground truth, from files or arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.mask_pixels import MaskPixels, mask_pixels, smooth_edges_error, values_in
from ytvos_keras.media.masks import (
    UNLIKELY_ID,
    check_label_map,
    check_no_grey_levels,
    label_map_of,
)
from ytvos_keras.media.pictures import load_picture

_ONLY_SEQUENCE = "video"  # the name of a single array


@dataclass(frozen=True, eq=False)
class ArrayFrame:
    """One frame of an array of label maps: its name for errors, and its labels, (H, W)."""

    name: str
    labels: np.ndarray

    def __str__(self) -> str:
        return self.name


LabelSource = Path | ArrayFrame
Masks = Mapping[str, LabelSource]
"""Frame name → mask, in the order of the frames."""


def read_truth(source: LabelSource, *, merged: bool) -> np.ndarray:
    """Read a label map of the ground truth, uint8 (H, W), 0–254.

    If `merged`, all nonzero pixels are one object, with id 1 (DAVIS 2016). Otherwise 255 marks void
    pixels, which count as background.
    """
    # DAVIS 2016 writes its object as 255; from 2017 on, 255 is void.
    return _read_merged(source) if merged else _read(source, void=0)


def read_prediction(source: LabelSource, *, merged: bool) -> np.ndarray:
    """Read a predicted label map, uint8 (H, W), 0–254.

    If `merged`, all nonzero pixels, 255 too, are one object, with id 1. Otherwise 255 is object 1
    in a binary mask.
    """
    return _read_merged(source) if merged else _read(source, void=None)


def array_sequences(arrays: np.ndarray | Mapping[str, np.ndarray], what: str) -> dict[str, Masks]:
    """Name the frames of label maps 00000, 00001, …; in errors, the arrays are called `what`.

    `arrays` maps sequences to (T, H, W), or is the array of one sequence, which is called `video`.
    """
    if not isinstance(arrays, Mapping):
        arrays = {_ONLY_SEQUENCE: arrays}
    sequences: dict[str, Masks] = {}
    for sequence, array in arrays.items():
        array = _stacked(array, f"{what}[{sequence!r}]")
        if array.ndim != 3 or not len(array):
            raise InputError(
                f"{what}[{sequence!r}]: label maps must have shape (T, H, W), T at least 1. "
                f"Received: {array.shape}"
            )
        sequences[sequence] = {
            f"{t:05d}": ArrayFrame(f"{what}[{sequence!r}][{t}]", labels)
            for t, labels in enumerate(array)
        }
    return sequences


def _stacked(frames: np.ndarray | Sequence[np.ndarray], what: str) -> np.ndarray:
    try:
        return np.asarray(frames)
    except ValueError as error:  # a list of frames
        raise InputError(f"{what}: all frames must have the same size (H, W).") from error


def _read(source: LabelSource, void: int | None) -> np.ndarray:
    if isinstance(source, ArrayFrame):
        # The values of an array are ids, but those with 255 may be soft: their grey levels must not
        # count as objects.
        may_be_soft = (source.labels == 255).any()
        return check_label_map(
            source.labels, name=str(source), indexed=not may_be_soft, allow_empty=True, void=void
        )
    # Not `read_mask`, which also reads the palette.
    return label_map_of(load_picture(source), str(source), allow_empty=True, void=void)


def _read_merged(source: LabelSource) -> np.ndarray:
    """Read a mask with all nonzero pixels as object 1; one with smooth edges is an error."""
    name = str(source)
    if isinstance(source, ArrayFrame):
        pixels = MaskPixels(source.labels, certain=False)
    else:
        pixels = mask_pixels(load_picture(source), name)
        check_no_grey_levels(pixels, name)
    labels = check_label_map(
        pixels.values, name=name, indexed=pixels.certain, allow_empty=True, void=1
    )
    if not pixels.certain:
        # Even a few grey levels beside 255 are smooth edges, which would make the object too large;
        # only small ones may be ids beside void.
        values = values_in(pixels.values)
        if 255 in values and ((values >= UNLIKELY_ID) & (values < 255)).any():
            raise smooth_edges_error(name, values.size)
    return (labels > 0).astype(np.uint8)
