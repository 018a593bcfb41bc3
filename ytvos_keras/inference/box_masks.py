"""First masks that are found in boxes around the objects."""

import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.PngImagePlugin import PngInfo

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks, frame_index
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.mask_files import MaskFile
from ytvos_keras.inference.resume import REMEDY, RESUME_NAME
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.listing import is_hidden
from ytvos_keras.media.masks import MAX_ID, mask_picture, read_written_mask
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.pictures import load_picture
from ytvos_keras.media.trimap import box_trimap

Boxes = Mapping[int, Sequence[int]]
"""Object id → (left, top, width, height), in pixels of the video."""

# In a separate folder: images in the mask folder would be taken for masks.
_FOLDER, _FILE = "boxes", "first_masks.png"
# Of texts in the PNG.
_KEY, _FINDER_KEY = "ytvos-segment boxes", "ytvos-segment box model"


@dataclass(frozen=True)
class BoxMasks:
    """Masks that are found in the boxes of one frame and written to a palette PNG.

    The file states, as a fingerprint, the boxes and the frame that it is made from, so that an
    interrupted run can use it again. It may be edited and given as a mask.

    Attributes:
        path: the file.
        index: index of the frame.
        frame: uint8 (H, W, 3), RGB, 0–255.
        boxes: object id to (left, top, width, height), in pixels.
    """

    path: Path
    index: int
    frame: np.ndarray
    boxes: Boxes

    def first_masks(self) -> FirstMasks:
        """The file as first masks; it must exist when they are read."""
        trusted = {object_id: [self.index] for object_id in self.boxes}
        return FirstMasks({self.index: _FoundMasks(self.path)}, None, trusted)

    def check_place(self, *, overwrite: bool) -> None:
        """Raise an `InputError` if the file cannot be written, or is from another request."""
        folder = self.path.parent
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; remove it, or give another output folder.")
        if overwrite:
            return
        if not self.path.exists() and (folder.parent / RESUME_NAME).exists():
            raise InputError(
                f"{folder.parent}: contains an unfinished run with other masks; {REMEDY}."
            )
        if self.path.exists() and self._text(_KEY) != self._fingerprint():
            raise InputError(
                f"{self.path}: not the masks of these boxes in this frame; {REMEDY}, or give this "
                "file as a mask in place of the boxes."
            )

    def check_finder(self, name: str) -> None:
        """Raise an `InputError` if the file's masks were found by another model."""
        if self._text(_FINDER_KEY) != name:
            raise InputError(f"{self.path}: the masks were found by another model; {REMEDY}.")

    def _text(self, key: str) -> str | None:
        try:
            return load_picture(self.path).info.get(key)
        except InputError:  # damaged
            return None

    def find(self, finder) -> np.ndarray:
        """Find the masks with a `MaskFinder`.

        Returns:
            Label map, uint8 (H, W). Where masks overlap, the smaller one is on top, which is more
            often in front.

        Raises:
            InputError: no pixel is left of a mask.
        """
        size = self.frame.shape[:2]
        masks = {i: finder.find(self.frame, box_trimap(size, b)) for i, b in self.boxes.items()}
        labels = np.zeros(size, np.uint8)
        for object_id in sorted(masks, key=lambda i: masks[i].sum(), reverse=True):
            labels[masks[object_id]] = object_id
        for object_id, mask in masks.items():
            if not (labels == object_id).any():
                box = ",".join(map(str, self.boxes[object_id]))
                reason = "is covered by smaller ones" if mask.any() else "is empty"
                raise InputError(
                    f"object {object_id}: the mask found in the box {box} {reason}; give a box "
                    "that fits closely around the object, or draw its mask."
                )
        return labels

    def write(self, labels: np.ndarray, finder: str) -> None:
        """Write the file atomically; its folder is created if it does not exist.

        `finder` names the model that found the masks.
        """
        text = PngInfo()
        text.add_text(_KEY, self._fingerprint())
        text.add_text(_FINDER_KEY, finder)
        self.path.parent.mkdir(exist_ok=True)
        with atomic_path(self.path) as part:
            mask_picture(labels).save(part, format="PNG", pnginfo=text)

    def _fingerprint(self) -> str:
        request = json.dumps([self.index, sorted(self.boxes.items())])
        return hashlib.sha256(request.encode() + self.frame.tobytes()).hexdigest()


def open_boxes(
    boxes: Boxes,
    source: FrameSource,
    output: Path,
    *,
    mask_frame: str | None = None,
    first: int = 0,
) -> BoxMasks:
    """Check boxes, and read the frame that they belong to.

    Args:
        boxes: see `Boxes`.
        source: the frames.
        output: the output folder of the run.
        mask_frame: name or number of the frame that the boxes belong to; None: the first.
        first: index of the first frame.

    Raises:
        InputError: a box is not in the frame, an id is not 1 to 254, or the frame does not exist.
    """
    # Before reading the frame: a video is decoded from its beginning.
    checked = _whole_numbers(boxes)
    for object_id, box in checked.items():
        try:
            box_trimap(source.size, box)
        except InputError as error:
            raise InputError(f"object {object_id}: {error}") from error
    index = first if mask_frame is None else frame_index(mask_frame, source)
    found = next(source.read(index), None)
    if found is None:  # a video whose header has a wrong length
        raise InputError(f"{source.path}: the video ends before frame {index}.")
    name, frame = found
    check_size(frame.shape[:2], source.size, f"{source.path}: frame {name}")
    return BoxMasks(output / _FOLDER / _FILE, index, frame, checked)


def is_box_folder(path: Path) -> bool:
    """Whether a path is a folder with nothing in it, or only the file of `BoxMasks`."""
    if path.name != _FOLDER or not path.is_dir():
        return False
    return all(is_hidden(entry) or entry.name == _FILE for entry in path.iterdir())


class _FoundMasks(MaskFile):
    """Written by this module, so that its indices are ids, whatever their colours."""

    def read(self, *, allow_empty: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
        return read_written_mask(self.path, davis_palette()), davis_palette()


def _whole_numbers(boxes: Boxes) -> dict[int, tuple[int, ...]]:
    try:
        checked = {operator.index(i): tuple(map(operator.index, b)) for i, b in boxes.items()}
    except TypeError:
        checked = {}
    if not checked or any(not 1 <= i <= MAX_ID or len(box) != 4 for i, box in checked.items()):
        raise InputError(
            f"boxes must map ids from 1 to {MAX_ID} to left, top, width, height in whole pixels. "
            f"Received: {dict(boxes)}"
        )
    return checked
