"""Corrections: masks that a user provides where a prediction went wrong."""

import dataclasses
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks, masks_by_frame
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.mask_files import MaskFile, is_black_and_white
from ytvos_keras.media.colour_mask import ColourTable
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.masks import ids_in, read_mask

_WHITE = 0xFFFFFF


@dataclasses.dataclass(frozen=True)
class CorrectionFile:
    """A mask whose objects are corrected.

    Attributes:
        path: the file.
        colours: the colour table of the first masks, if they are drawings.
        white: the object that is white in a black-and-white mask; None: the mask has ids or
            colours.
    """

    path: Path
    colours: ColourTable | None
    white: int | None

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> np.ndarray:
        """Return the label map, uint8 (H, W), with one object or more."""
        if self.white is not None:
            labels = read_mask(self.path)[0]
            return np.where(labels > 0, self.white, 0).astype(np.uint8)
        if self.colours is not None:
            return MaskFile(self.path, self.colours).read(allow_empty=False)[0]
        return read_mask(self.path)[0]

    def read_bytes(self) -> bytes:
        """The content of the file."""
        return self.path.read_bytes()


@dataclasses.dataclass(frozen=True)
class Corrections:
    """Checked mask files.

    Attributes:
        files: frame index to the file whose objects are corrected in that frame.
        ids: frame index to the objects in its file.
    """

    files: dict[int, CorrectionFile]
    ids: dict[int, list[int]]

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return self.files[index].read() if index in self.files else None


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
            is corrected in its frame; other objects are unaffected. Objects have the ids of the
            first masks or, if these are drawings, their colours. A black-and-white mask applies to
            the only object tracked in its frame. None: no corrections.
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
    files, ids = {}, {}
    for index, place in sorted(masks_by_frame(folder, source).items()):
        # With a backward pass, an object may be corrected before its first mask, but needs one.
        begins = first_masks.begins.items()
        tracked = sorted(i for i, frame in begins if frame < index or any_frame)
        where = "" if any_frame else " before this frame"
        file = _open(place, first_masks.colours, tracked, where)
        label_map = file.read()
        check_size(label_map.shape, source.size, f"{file}: the mask")
        files[index], ids[index] = file, ids_in(label_map)
        for object_id in ids[index]:
            if object_id not in tracked:
                raise InputError(
                    f"{file}: object {object_id} is not tracked{where}, so there is nothing to "
                    "correct; use its id from the first masks, or give a new object as a first "
                    f"mask. Tracked: {_listed(tracked)}."
                )
    return Corrections(files, ids)


def _open(
    path: Path, colours: ColourTable | None, tracked: list[int], where: str
) -> CorrectionFile:
    if not is_black_and_white(MaskFile(path)):
        return CorrectionFile(path, colours, None)
    if colours is not None and _WHITE in colours.ids:
        return CorrectionFile(path, colours, colours.ids[_WHITE])
    if not tracked:
        raise InputError(
            f"{path}: no object is tracked{where}, so there is nothing to correct; give a new "
            "object as a first mask."
        )
    if len(tracked) > 1:
        raise InputError(
            f"{path}: black and white, so it does not show which object it corrects; save it as an "
            f"index PNG with the id of the object. Tracked{where}: {_listed(tracked)}."
        )
    return CorrectionFile(path, colours, tracked[0])


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids)) or "none"
