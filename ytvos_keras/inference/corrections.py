"""Corrections: masks that a user provides where a prediction went wrong."""

import dataclasses
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks, masks_by_frame
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.masks import ids_in, read_mask


@dataclasses.dataclass(frozen=True)
class Corrections:
    """Checked mask files.

    Attributes:
        files: frame index to the file whose objects are corrected in that frame.
        ids: frame index to the objects in its file.
    """

    files: dict[int, Path]
    ids: dict[int, list[int]]

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return read_mask(self.files[index])[0] if index in self.files else None


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
            is corrected in its frame; other objects are unaffected. None: no corrections.
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
    files = masks_by_frame(folder, source)
    ids = {}
    for index, file in sorted(files.items()):
        label_map, _ = read_mask(file)
        check_size(label_map.shape, source.size, f"{file}: the mask")
        ids[index] = ids_in(label_map)
        for object_id in ids[index]:
            # With a backward pass, an object may be corrected before its first mask, but needs one.
            if not any_frame or object_id not in first_masks.begins:
                _check_followed(object_id, index, file, first_masks)
    return Corrections(files, ids)


def _check_followed(object_id: int, index: int, file: Path, first_masks: FirstMasks) -> None:
    begin = first_masks.begins.get(object_id)
    # In its first frame, its mask is already given.
    if begin is not None and begin < index:
        return
    ids = ", ".join(str(i) for i, frame in sorted(first_masks.begins.items()) if frame < index)
    raise InputError(
        f"{file}: object {object_id} is not tracked before this frame, so there is nothing to "
        f"correct; use its id from the first masks, or give a new object as a first mask. "
        f"Tracked: {ids or 'none'}."
    )
