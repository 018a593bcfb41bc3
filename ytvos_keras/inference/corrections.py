"""Corrections: masks that a user provides where a prediction went wrong."""

import dataclasses
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks, masks_by_frame
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.mask_files import MaskFile, is_black_and_white
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.masks import ids_in


@dataclasses.dataclass(frozen=True)
class Corrections:
    """Checked mask files.

    Attributes:
        files: frame index to the file whose objects are corrected in that frame.
        ids: frame index to the objects in its file.
    """

    files: dict[int, MaskFile]
    ids: dict[int, list[int]]

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return self.files[index].read()[0] if index in self.files else None


def open_corrections(
    path: str | Path | None,
    source: FrameSource,
    first_masks: FirstMasks,
    *,
    any_frame: bool = False,
) -> Corrections:
    """Find the frames that corrections belong to, and read every mask once to check it.

    Args:
        path: a folder of PNGs named after frames, as for `open_first_masks`. Every object in a mask
            is corrected in its frame; other objects are unaffected. If the first masks are
            drawings, so may these be, in the same colours. Black and white means object 1, and is
            an error if others are tracked too. None: no corrections.
        source: the frames.
        first_masks: determine which objects are tracked in a frame.
        any_frame: whether objects are also tracked backward, so that corrections may precede their
            first mask.
    """
    if path is None:
        return Corrections({}, {})
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of masks named after frames.")
    paths = masks_by_frame(folder, source)
    files = {index: MaskFile(file, first_masks.colours) for index, file in sorted(paths.items())}
    ids = {}
    for index, file in files.items():
        label_map, _ = file.read(allow_empty=False)
        check_size(label_map.shape, source.size, f"{file}: the mask")
        ids[index] = ids_in(label_map)
        # With a backward pass, an object may be corrected before its first mask, but needs one.
        begins = first_masks.begins.items()
        tracked = sorted(i for i, frame in begins if frame < index or any_frame)
        _check_ids(file, ids[index], tracked, "" if any_frame else " before this frame")
    return Corrections(files, ids)


def _check_ids(file: MaskFile, ids: list[int], tracked: list[int], where: str) -> None:
    """Check that the objects of a correction are tracked."""
    names = ", ".join(map(str, tracked)) or "none"
    if len(tracked) > 1 and is_black_and_white(file):
        raise InputError(
            f"{file}: black and white, so it does not show which object it corrects; save it as an "
            f"index PNG with the id of the object. Tracked: {names}."
        )
    for object_id in ids:
        if object_id not in tracked:
            raise InputError(
                f"{file}: object {object_id} is not tracked{where}, so there is nothing to "
                "correct; use its id from the first masks, or give a new object as a first mask. "
                f"Tracked: {names}."
            )
