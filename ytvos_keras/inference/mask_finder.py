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
# With clicks or scribbles alone, the size of the object is unknown. In the whole frame, small
# objects are lost, so the first crop is around the known pixels.
_FIRST_MARGIN = 2.0
_FIRST_SHARE = 0.3  # at least, of the frame's sides
_GROWTH = 1.5  # of the crop while the mask is cut off
_CUT_OFF = 0.01  # from this share of the crop's border on the mask, it is cut off
_STEPS = 2  # as in training: the second one improves the first one's mask

_Crop = tuple[slice, slice]  # rows and columns of a frame


class MaskFinder(OneThread):
    """Find the mask of an object in a frame from a rough one, given as a trimap.

    The trimap may come from a box (`media.box_trimap`), a loose outline, clicks or scribbles. The
    model sees the part of the frame around the pixels that may be on the object. If these reach all
    sides of the frame, as with clicks or scribbles alone, it sees the part around those that are
    known to be, which grows until it contains the mask. Not thread-safe, like a `Segmenter`.

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
        region = trimap > 0
        share = _share(region, _MARGIN)
        height, width = region.shape
        if _bounds(region) == (0, 0, width, height) and (trimap == OBJECT).any():
            region = trimap == OBJECT
            share = min(max(_share(region, _FIRST_MARGIN), _FIRST_SHARE), 1.0)
        while True:
            crop = _crop(region, share)
            mask = self._find_in(crop, frame, trimap)
            if not _is_cut_off(mask, crop):
                return mask
            region, share = mask, min(_GROWTH * share, 1.0)

    def _find_in(self, crop: _Crop, frame: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        part, given = frame[crop], trimap[crop]
        functions = self._functions_for(frame.shape[:2])
        small = resize_frame(part, functions.size)
        image = Image.fromarray(given)
        rough = np.asarray(image.resize(functions.size[::-1], Image.Resampling.NEAREST))
        features = functions.encode(small)
        state = functions.initialize(small, rough[None], features)
        for _ in range(_STEPS):
            labels, _, state = functions.advance(features, state, part.shape[:2])
        mask = trimap == OBJECT
        mask[crop] |= (labels > 0) & (given > 0)
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


def _bounds(region: np.ndarray) -> tuple[int, int, int, int]:
    box = Image.fromarray(region).getbbox()
    assert box is not None  # neither the trimap nor the mask is empty
    return box


def _share(region: np.ndarray, margin: float) -> float:
    """Share of the frame's sides of a crop that leaves a margin around a region."""
    left, top, right, bottom = _bounds(region)
    height, width = region.shape
    return min((1 + 2 * margin) * max((bottom - top) / height, (right - left) / width), 1.0)


def _crop(region: np.ndarray, share: float) -> _Crop:
    """The part of a frame around a region that has a share of its sides.

    All crops of a video have its aspect ratio, so that the model is compiled for one size.
    """
    left, top, right, bottom = _bounds(region)

    def around(low: int, high: int, most: int) -> slice:
        length = round(share * most)
        start = min(max((low + high - length) // 2, 0), most - length)
        return slice(start, start + length)

    height, width = region.shape
    return around(top, bottom, height), around(left, right, width)


def _is_cut_off(mask: np.ndarray, crop: _Crop) -> bool:
    """Whether a mask reaches the border of a crop inside of the frame."""
    part, (rows, columns) = mask[crop], crop
    borders = [
        part[0] if rows.start > 0 else part[0, :0],
        part[-1] if rows.stop < len(mask) else part[-1, :0],
        part[:, 0] if columns.start > 0 else part[:0, 0],
        part[:, -1] if columns.stop < mask.shape[1] else part[:0, -1],
    ]
    reached = sum(int(border.sum()) for border in borders)
    return reached > 2 * _CUT_OFF * sum(part.shape)
