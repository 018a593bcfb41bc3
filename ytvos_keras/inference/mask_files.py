"""Mask files in all accepted forms: ids, colours, or one file per object."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import natsort
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.colour_mask import ColourTable
from ytvos_keras.media.listing import check_no_broken_link, is_hidden, list_masks, plain_name
from ytvos_keras.media.mask_pixels import LOSSLESS, MaskError, mask_pixels
from ytvos_keras.media.masks import MAX_ID, read_mask
from ytvos_keras.media.pictures import load_picture

IN_COLOUR = ("RGB", "RGBA")  # modes of Pillow
_DRAWN = ("colour-mask", "palette-mask")  # kinds of a `MaskError`
_NUMBER = re.compile(r"(\d+)(?:[ _-].*)?")


@dataclass(frozen=True)
class MaskFile:
    """A file with all objects of a frame, as ids or as colours.

    Attributes:
        path: the file.
        colours: the colour table shared by all masks of a video.
    """

    path: Path
    colours: ColourTable = field(default_factory=ColourTable, compare=False)

    def __str__(self) -> str:
        return str(self.path)

    def read(self, *, allow_empty: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the label map, uint8 (H, W), and its palette (256, 3), if it has one."""
        if not (self.colours.preferred and self._has_colours()):
            try:
                return read_mask(self.path, allow_empty=allow_empty)
            except MaskError as error:
                if error.kind not in _DRAWN:
                    raise
        # Not ids, so colours, numbered by a table that all masks of the video share.
        labels = self.colours.read(load_picture(self.path), str(self.path))
        if not allow_empty and not labels.any():
            raise InputError(f"{self.path}: no object in it, every pixel is background.")
        return labels, self.colours.palette()

    def is_drawing(self) -> bool:
        """Whether it has colours that are not ids."""
        try:
            mask_pixels(load_picture(self.path), str(self.path))
        except MaskError as error:
            return error.kind in _DRAWN
        return False

    def _has_colours(self) -> bool:
        """Whether it is in colour; with a palette, only if all of its colours are in the table."""
        picture = load_picture(self.path)
        if picture.format not in LOSSLESS:
            return False  # `read_mask` says why it cannot be used
        return picture.mode in IN_COLOUR or (picture.mode == "P" and self.colours.knows(picture))

    def read_bytes(self) -> bytes:
        """The content of the file."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class ObjectFiles:
    """One file per object of a frame, nonzero where the object is; smaller ones are on top.

    Attributes:
        parts: object ids and files.
        apart: whether it is an error if two masks are mostly the same, since the files are then
            probably masks of one object in several frames.
    """

    parts: tuple[tuple[int, Path], ...]
    apart: bool = False

    def __str__(self) -> str:
        return str(self.parts[0][1])

    def read(self, *, allow_empty: bool = True) -> tuple[np.ndarray, None]:
        """Like `MaskFile.read`, without a palette."""
        masks = [read_mask(path, allow_empty=allow_empty)[0] > 0 for _, path in self.parts]
        labels = np.zeros(masks[0].shape, np.uint8)
        for (_, path), mask in zip(self.parts, masks, strict=True):
            if mask.shape != labels.shape:
                raise InputError(f"{path}: differs in size from {self.parts[0][1]}.")
        drawn = [(*part, mask) for part, mask in zip(self.parts, masks, strict=True)]
        sizes = np.zeros(256, int)
        # The larger first: a smaller object is more often in front. Of equal ones, the later.
        for object_id, path, mask in sorted(drawn, key=lambda item: item[2].sum(), reverse=True):
            # An object may be inside a larger one, but only masks of different frames are alike.
            common = np.bincount(labels[mask], minlength=256)[1:]
            if self.apart and (common > sizes[1:] / 2).any():
                raise InputError(
                    f"{path}: covers most of the mask of another object; name masks of several "
                    "frames after their frames, or remove the overlap of objects in one frame."
                )
            labels[mask], sizes[object_id] = object_id, mask.sum()
        for object_id, path, mask in drawn:
            if mask.any() and not (labels == object_id).any():
                raise InputError(
                    f"{path}: covered by the masks of other objects; remove the overlap."
                )
        return labels, None

    def read_bytes(self) -> bytes:
        """The contents of the files."""
        # With ids: the same files for other objects are different masks.
        return b"".join(bytes([i]) + path.read_bytes() for i, path in self.parts)


def is_black_and_white(file: MaskFile | ObjectFiles) -> bool:
    """Whether a mask has one object and no id, so that the object counts as 1."""
    if isinstance(file, ObjectFiles):
        return False
    picture = load_picture(file.path)
    if file.colours.preferred and picture.mode in IN_COLOUR:
        return False
    try:
        values = mask_pixels(picture, str(file)).values
    except MaskError:  # colours
        return False
    return values.dtype == bool or np.unique(values[values != 0]).tolist() in ([255], [65535])


def object_folders(folder: Path) -> list[tuple[int, Path]]:
    """The subfolders with the masks of one object each, and the objects' ids.

    If all names begin with a number (`3`, `3_dog`), these are the ids; otherwise folders are
    numbered 1, 2, … in natural order. Empty if the folder itself contains masks.
    """
    places = [
        place
        for place in natsort.natsorted(folder.iterdir(), key=str)
        if place.is_dir() and not is_hidden(place) and list_masks(place)
    ]
    if not places or list_masks(folder):
        return []
    return _numbered(folder, [place.name for place in places], places)


def object_files(folder: Path, files: Sequence[Path]) -> ObjectFiles:
    """One file for each object of one frame, numbered as `object_folders` are."""
    return ObjectFiles(tuple(_numbered(folder, [file.stem for file in files], files)), apart=True)


def _numbered(folder: Path, names: Sequence[str], paths: Sequence[Path]) -> list[tuple[int, Path]]:
    check_no_broken_link(paths)
    matches = [_NUMBER.fullmatch(plain_name(name)) for name in names]
    ids = [int(match[1]) for match in matches if match]
    # If one name lacks a number, those of the others are ignored too.
    if len(ids) < len(names):
        ids = list(range(1, len(names) + 1))
    if len(ids) > MAX_ID:
        raise InputError(
            f"{folder}: {len(ids)} objects, but a run tracks at most {MAX_ID}; split them into "
            "several runs."
        )
    if len(set(ids)) < len(ids) or not 1 <= min(ids) <= max(ids) <= MAX_ID:
        raise InputError(
            f"{folder}: the numbers of its objects must be different, 1 to {MAX_ID}. "
            f"Received: {', '.join(names[:5])}"
        )
    return sorted(zip(ids, paths, strict=True))
