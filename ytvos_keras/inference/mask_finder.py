"""Find the mask of an object in a frame from a rough one."""

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference.frame_functions import FrameFunctions
from ytvos_keras.inference.input_checks import check_frame, check_size
from ytvos_keras.inference.one_thread import OneThread, alone
from ytvos_keras.inference.sizes import resize_frame, working_size
from ytvos_keras.media.trimap import BACKGROUND, OBJECT, UNKNOWN

_MARGIN = 0.4  # of the crop around a rough mask on each side, relative to the mask's size
_STEPS = 2  # as in training: the second one improves the first one's mask


class MaskFinder(OneThread):
    """Find the mask of an object in a frame from a rough one, given as a trimap.

    The trimap may come from a box (`media.box_trimap`), a loose outline, clicks or scribbles. The
    model sees the part of the frame around the pixels that may be on the object. Not thread-safe,
    like a `Segmenter`.

    Args:
        model: an `S2S` trained with the recipe `lite-rough`, such as
            `ytvos_keras.load("s2s-lite-rough")`.

    Example:
        >>> finder = MaskFinder(ytvos_keras.load("s2s-lite-rough"))
        >>> mask = finder.find(frame, box_trimap(frame.shape[:2], (100, 50, 200, 300)))
        >>> segmenter.add_object(mask)
        1
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        self._functions: FrameFunctions | None = None  # of the latest working size

    @alone
    def find(self, frame: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        """Find the mask of an object.

        Args:
            frame: (H, W, 3), RGB; uint8, or float in 0–255 (rounded).
            trimap: float (H, W): 1 on the object, 0 elsewhere, 0.5 where that is unknown. Draw
                clicks and scribbles 2 to 6 % of the frame's height wide, as in training: thinner
                ones may vanish at the working size.

        Returns:
            Boolean (H, W): False wherever the trimap is 0, True wherever it is 1.

        Raises:
            InputError: an array has another shape or other values, or the trimap is 0 everywhere.
        """
        frame = check_frame(frame)
        trimap = _check_trimap(trimap, frame.shape[:2])
        rows, columns = _crop(trimap > 0)
        part = frame[rows, columns]
        functions = self._functions_for(frame.shape[:2])
        small = resize_frame(part, functions.size)
        image = Image.fromarray(trimap[rows, columns])
        rough = np.asarray(image.resize(functions.size[::-1], Image.Resampling.NEAREST))
        features = functions.encode(small)
        state = functions.initialize(small, rough[None], features)
        for _ in range(_STEPS):
            labels, _, state = functions.advance(features, state, part.shape[:2])
        mask = trimap == OBJECT
        mask[rows, columns] |= (labels > 0) & (trimap[rows, columns] > 0)
        return mask

    def _functions_for(self, native: tuple[int, int]) -> FrameFunctions:
        size = working_size(native, self.model.config.input_size, self.model.stride)
        if self._functions is None or self._functions.size != size:
            self._functions = FrameFunctions(self.model, size)
        return self._functions


def _check_trimap(trimap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    trimap = np.array(trimap, np.float32)
    if trimap.ndim != 2:
        raise InputError(f"a trimap must have shape (H, W). Received: {trimap.shape}.")
    check_size(trimap.shape, size, "the trimap")
    if not np.isin(trimap, (BACKGROUND, UNKNOWN, OBJECT)).all():
        raise InputError("a trimap must have no other values than 0, 0.5 and 1.")
    if not trimap.any():
        raise InputError("the trimap is 0 everywhere; set where the object may be to 0.5 or 1.")
    return trimap


def _crop(region: np.ndarray) -> tuple[slice, slice]:
    """The part of a frame around a region, with the frame's aspect ratio.

    All crops of a video have that ratio, so that the model is compiled for one size.
    """
    height, width = region.shape
    box = Image.fromarray(region).getbbox()
    assert box is not None  # the trimap is not 0 everywhere
    left, top, right, bottom = box
    share = min((1 + 2 * _MARGIN) * max((bottom - top) / height, (right - left) / width), 1.0)

    def around(low: int, high: int, most: int) -> slice:
        length = round(share * most)
        start = min(max((low + high - length) // 2, 0), most - length)
        return slice(start, start + length)

    return around(top, bottom, height), around(left, right, width)
