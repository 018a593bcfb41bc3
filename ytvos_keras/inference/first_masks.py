"""The masks that a user gives: a file for the first frame, or a folder."""

import dataclasses
import logging
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.checks import check_size
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.listing import check_no_broken_link, list_masks
from ytvos_keras.media.masks import read_mask
from ytvos_keras.media.pictures import load_picture

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FirstMasks:
    """Checked mask files.

    Attributes:
        files: frame index to the file, of those in which an object first appears.
        palette: uint8 (256, 3) of the first index PNG among them, None if there is none.
        begins: object id to the index of the frame in which it first appears.
    """

    files: dict[int, Path]
    palette: np.ndarray | None
    begins: dict[int, int]

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return read_mask(self.files[index], allow_empty=True)[0] if index in self.files else None


def open_first_masks(path: str | Path, source: FrameSource) -> FirstMasks:
    """Find the frames that masks belong to, and read every mask once to check it.

    Args:
        path: a PNG for the first frame, or a folder of PNGs named after frames (for a video file:
            after frame numbers, `00007.png` or `7.png`). In a folder a mask without objects is
            allowed as long as another one has some, and masks that hold only objects of earlier
            ones are not used. A black-and-white mask is object 1, so there may be
            one, and none after an object 1.
        source: the frames.

    Raises:
        InputError: nothing there, a mask is unusable or of another size than the frames, or there
            is no frame of its name.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.")
    files = masks_by_frame(path, source) if path.is_dir() else {0: path}
    palette, begins, used, repeated = None, {}, {}, False
    for index, file in sorted(files.items()):
        label_map, file_palette = read_mask(file, allow_empty=path.is_dir())
        check_size(label_map.shape, source.size, f"{file}: the mask")
        palette = file_palette if palette is None else palette
        ids = set(np.unique(label_map).tolist()) - {0}
        if 1 in begins and ids and _is_black_and_white(file):
            raise InputError(
                f"{file}: black and white, so its object would be 1, which an earlier mask has; "
                "leave it out if that is the same object, or save it as an index PNG with a new id."
            )
        if ids - begins.keys():
            used[index] = file
        elif ids:
            repeated = True
        begins = dict.fromkeys(ids, index) | begins  # the earlier frame counts
    if not begins:
        raise InputError(f"{path}: no object in any of its masks, every pixel is 0.")
    if repeated:
        logger.info(
            "%s: %d of %d masks are used, in which an object is seen for the first time; masks "
            "that correct an object go in --corrections",
            path,
            len(used),
            len(files),
        )
    return FirstMasks(used, palette, begins)


def _is_black_and_white(file: Path) -> bool:
    image = load_picture(file)
    return image.mode == "1" or (image.mode == "L" and image.getextrema()[1] == 255)


def masks_by_frame(folder: Path, source: FrameSource) -> dict[int, Path]:
    """Return the masks of a folder by the index of the frame that they are named after.

    Raises:
        InputError: there is none, or no frame of its name, or two are for one frame.
    """
    masks = list_masks(folder)
    if not masks:
        raise InputError(f"{folder}: no masks (PNG) in this folder.")
    files: dict[int, Path] = {}
    for file in masks:
        index = source.index_of(file.stem)
        if index is None or (source.count is not None and index >= source.count):
            raise InputError(
                f"{file}: {source.path} has no frame of this name; name a mask after the frame "
                "that it belongs to."
            )
        if index in files:
            raise InputError(f"{folder}: {files[index].name} and {file.name} are for one frame.")
        files[index] = file
    check_no_broken_link(files.values())
    return files
