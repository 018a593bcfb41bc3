"""Open the given masks: a file for the first frame, or a folder."""

import dataclasses
import logging
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.mask_files import (
    IN_COLOUR,
    MaskFile,
    ObjectFiles,
    is_black_and_white,
    object_files,
    object_folders,
)
from ytvos_keras.media.colour_mask import ColourTable
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.listing import check_no_broken_link, list_masks
from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.pictures import picture_mode

_MOST_DIGITS = 18  # of a frame number

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FirstMasks:
    """Checked mask files.

    Attributes:
        files: frame index to mask file, for the masks that are used.
        palette: uint8 (256, 3) of the first index PNG or drawing, None if there is neither.
        trusted: object id to the ascending indexes of the frames in which its mask is used.
    """

    files: dict[int, MaskFile | ObjectFiles]
    palette: np.ndarray | None
    trusted: dict[int, list[int]]

    @property
    def begins(self) -> dict[int, int]:
        """Object id to the index of the frame in which it first appears."""
        return {object_id: indexes[0] for object_id, indexes in self.trusted.items()}

    @property
    def colours(self) -> ColourTable | None:
        """The colour table of drawings; None if the masks are not drawings."""
        return _colours(self.files.values())

    def read(self, index: int) -> np.ndarray | None:
        """Return the label map of a frame, uint8 (H, W), or None if it has none."""
        return self.files[index].read()[0] if index in self.files else None


def open_first_masks(
    path: str | Path,
    source: FrameSource,
    *,
    mask_frame: str | None = None,
    first: int = 0,
    stop: int | None = None,
    use_all: bool = False,
) -> FirstMasks:
    """Find the frames that masks belong to, and read every mask once to check it.

    Args:
        path: a PNG for the first frame, or a folder of PNGs named after frames (for a video file:
            after frame numbers, `00007.png` or `7.png`), or of folders with such PNGs for one
            object each (`1_dog/00007.png`), or of PNGs with one object of one frame each.
            Colours that are not ids are numbered, see `ColourTable`. In a folder, a mask may be
            empty as long as another one is not, and masks that only show objects of earlier masks
            are not used. A black-and-white mask is object 1, so there may be at most one, and none
            after an earlier object 1.
        source: the frames.
        mask_frame: name or number of the frame that a single PNG, or a folder with one PNG for each
            object, belongs to; None: the first.
        first: index of the first frame. Masks of earlier frames in a folder are not used, unless
            there are no others.
        stop: index after the last frame, with the same effect; None: to the end.
        use_all: use all masks of a folder, not only the first of each object.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.")
    files = _files(path, source, mask_frame, first, stop)
    _prefer_colours(files.values())
    coloured, used, repeated = None, {}, False
    trusted: dict[int, list[int]] = {}
    for index, file in sorted(files.items()):
        # Read now, not only when its frame comes: a fault must not surface hours into a run.
        label_map, file_palette = file.read(allow_empty=path.is_dir())
        check_size(label_map.shape, source.size, f"{file}: the mask")
        if coloured is None and file_palette is not None:
            coloured = file
        ids = set(ids_in(label_map))
        # Black and white means object 1, but we cannot know whether it is the same object.
        if not use_all and 1 in trusted and ids and is_black_and_white(file):
            raise InputError(
                f"{file}: black and white, so its object would be 1, which an earlier mask has; "
                "leave it out if that is the same object, or save it as an index PNG with a new id."
            )
        if counted := ids if use_all else ids - trusted.keys():
            used[index] = file
        elif ids:
            repeated = True
        for object_id in counted:
            trusted.setdefault(object_id, []).append(index)
    if not trusted:
        raise InputError(f"{path}: no object in any of its masks, every pixel is 0.")
    if repeated:
        logger.info(
            "%s: %d of %d masks are used, those in which an object first appears "
            "(--all-masks uses all)",
            path,
            len(used),
            len(files),
        )
    if (table := _colours(files.values())) is not None:
        table.preferred = True  # for corrections
        logger.info("%s: every colour is an object: %s", path, table)
    # Read again: only now does the table of a drawing have the colours of all of them.
    palette = None if coloured is None else coloured.read()[1]
    return FirstMasks(used, palette, trusted)


def _files(
    path: Path, source: FrameSource, mask_frame: str | None, first: int, stop: int | None
) -> dict[int, MaskFile | ObjectFiles]:
    """The masks by the index of their frame; the arguments are those of `open_first_masks`."""
    frame = first if mask_frame is None else frame_index(mask_frame, source)
    if not path.is_dir():
        return {frame: MaskFile(path)}
    files = _files_of_folder(path, source, frame, is_chosen=mask_frame is not None)
    within = (i for i in files if first <= i and (stop is None or i < stop))
    # If there is none, the caller reports one that is outside.
    return {i: files[i] for i in within} or files


def _prefer_colours(files: Collection[MaskFile | ObjectFiles]) -> None:
    """Take all pictures in colour for drawings if one of them is.

    Otherwise those whose colours stand for ids, as in the DAVIS palette, would be taken for masks.
    """
    masks = [file for file in files if isinstance(file, MaskFile)]
    if len(masks) > 1 and any(picture_mode(file.path) in IN_COLOUR for file in masks):
        masks[0].colours.preferred = any(file.is_drawing() for file in masks)  # shared by all


def _colours(files: Iterable[MaskFile | ObjectFiles]) -> ColourTable | None:
    """The colour table that drawings share; None if the masks are not drawings."""
    tables = (file.colours for file in files if isinstance(file, MaskFile))
    return next((table for table in tables if table.ids), None)


def _files_of_folder(
    folder: Path, source: FrameSource, frame: int, *, is_chosen: bool
) -> dict[int, MaskFile | ObjectFiles]:
    """The masks of a folder by the index of their frame.

    Args:
        folder: the folder.
        source: the frames.
        frame: index of the frame of masks that are not named after one.
        is_chosen: whether the user chose `frame`, so that no other masks are allowed.
    """
    folders = object_folders(folder)
    masks = [] if folders else list_masks(folder)
    # A single mask with another name is more likely a mistake, which is an error below.
    if len(masks) > 1 and all(source.index_of(file.stem) is None for file in masks):
        logger.info("%s: no mask is named after a frame, so each is one object of a frame", folder)
        return {frame: object_files(folder, masks)}
    if is_chosen:
        raise InputError(
            f"{folder}: --mask-frame is for a single mask, or a folder with one for each object; "
            "the masks of any other folder are named after their frames."
        )
    if folders:
        parts: dict[int, list[tuple[int, Path]]] = {}
        for object_id, place in folders:
            for index, file in masks_by_frame(place, source).items():
                parts.setdefault(index, []).append((object_id, file))
        return {index: ObjectFiles(tuple(files)) for index, files in parts.items()}
    colours = ColourTable()
    return {i: MaskFile(file, colours) for i, file in masks_by_frame(folder, source).items()}


def frame_index(name: str, source: FrameSource, *, or_end: bool = False) -> int:
    """The index of a frame by its name or, if there is no such name, its number from 0.

    With `or_end`, it may be the index after the last frame.
    """
    index = source.index_of(name)
    if index is None and name.isdecimal() and len(name) <= _MOST_DIGITS:
        index = int(name)
    if index is None or not source.may_have(index - or_end):
        raise InputError(f"{source.path}: has no frame {name!r}; give a frame's name or number.")
    return index


def masks_by_frame(folder: Path, source: FrameSource) -> dict[int, Path]:
    """Return the masks of a folder, one or more, by the index of the frame they are named after."""
    masks = list_masks(folder)
    if not masks:
        raise InputError(f"{folder}: no masks (PNG) in this folder.")
    files: dict[int, Path] = {}
    for file in masks:
        index = source.index_of(file.stem)
        if index is None or not source.may_have(index):
            raise InputError(
                f"{file}: {source.path} has no frame of this name; name a mask after the frame "
                "that it belongs to."
            )
        if index in files:
            raise InputError(
                f"{folder}: {files[index].name} and {file.name} are for the same frame; remove one."
            )
        files[index] = file
    check_no_broken_link(files.values())
    return files
