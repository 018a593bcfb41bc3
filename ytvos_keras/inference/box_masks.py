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
from ytvos_keras.inference.checks import check_size
from ytvos_keras.inference.first_masks import FirstMasks, frame_index
from ytvos_keras.inference.mask_files import MaskFile
from ytvos_keras.inference.resume import REMEDY
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.listing import is_hidden
from ytvos_keras.media.masks import MAX_ID, mask_picture
from ytvos_keras.media.pictures import load_picture
from ytvos_keras.media.trimap import box_trimap

Boxes = Mapping[int, Sequence[int]]
"""Object id → (left, top, width, height), in pixels of the video."""

# In a separate folder: pictures in the mask folder would be taken for masks.
_FOLDER, _FILE = "boxes", "first_masks.png"
_KEY = "ytvos-segment boxes"  # of a text in the PNG


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
        return FirstMasks({self.index: MaskFile(self.path)}, None, trusted)

    def check_earlier(self) -> None:
        """Raise an `InputError` if there is a file, but from other boxes or another frame."""
        if self.path.exists() and not self._is_same():
            raise InputError(
                f"{self.path}: not the masks of these boxes in this frame; {REMEDY}, or give this "
                "file as a mask in place of the boxes."
            )

    def _is_same(self) -> bool:
        try:
            return load_picture(self.path).info.get(_KEY) == self._fingerprint()
        except InputError:  # damaged
            return False

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

    def write(self, labels: np.ndarray) -> None:
        """Write the file atomically; its folder is created if it does not exist."""
        text = PngInfo()
        text.add_text(_KEY, self._fingerprint())
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
    index = first if mask_frame is None else frame_index(mask_frame, source)
    found = next(source.read(index), None)
    if found is None:  # a video whose header has a wrong length
        raise InputError(f"{source.path}: the video ends before frame {index}.")
    name, frame = found
    check_size(frame.shape[:2], source.size, f"{source.path}: frame {name}")
    checked = _whole_numbers(boxes)
    for object_id, box in checked.items():
        try:
            box_trimap(source.size, box)
        except InputError as error:
            raise InputError(f"object {object_id}: {error}") from error
    return BoxMasks(output / _FOLDER / _FILE, index, frame, checked)


def is_box_folder(path: Path) -> bool:
    """Whether a path is a folder with nothing but the file of `BoxMasks`."""
    if path.name != _FOLDER or not path.is_dir():
        return False
    return [entry.name for entry in path.iterdir() if not is_hidden(entry)] == [_FILE]


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
