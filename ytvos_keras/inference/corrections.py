"""Masks that a user draws where an object went wrong."""

import dataclasses
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.checks import check_size
from ytvos_keras.inference.first_masks import FirstMasks, masks_by_frame
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.masks import read_mask


@dataclasses.dataclass(frozen=True)
class Corrections:
    """Checked mask files.

    Attributes:
        files: frame index to the file whose objects begin anew in that frame.
    """

    files: dict[int, Path]

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return read_mask(self.files[index])[0] if index in self.files else None


def open_corrections(
    path: str | Path | None, source: FrameSource, first_masks: FirstMasks
) -> Corrections:
    """Find the frames that corrections belong to, and read every mask once to check it.

    Args:
        path: a folder of PNGs named after frames, as for `open_first_masks`. Every object in a mask
            begins anew in its frame; objects that are not in it go on. None: no corrections.
        source: the frames.
        first_masks: they say which objects are followed in a frame.

    Raises:
        InputError: nothing there, a mask is unusable, empty or of another size than the frames,
            there is no frame of its name, or an object in it is not followed by then.
    """
    if path is None:
        return Corrections({})
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of masks named after frames.")
    files = masks_by_frame(folder, source)
    for index, file in sorted(files.items()):
        label_map, _ = read_mask(file)
        check_size(label_map.shape, source.size, f"{file}: the mask")
        for object_id in set(np.unique(label_map).tolist()) - {0}:
            _check_followed(object_id, index, file, first_masks)
    return Corrections(files)


def _check_followed(object_id: int, index: int, file: Path, first_masks: FirstMasks) -> None:
    begin = first_masks.begins.get(object_id)
    if begin is not None and begin < index:
        return
    ids = ", ".join(str(i) for i, frame in sorted(first_masks.begins.items()) if frame < index)
    raise InputError(
        f"{file}: object {object_id} is not followed before this frame, so there is nothing to "
        f"correct; give its id as in the first masks, or a new object as a first mask. "
        f"Followed: {ids or 'none'}."
    )
