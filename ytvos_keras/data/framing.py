"""The crop of a video that a clip shows: an affine map, the same for all its frames.

Positions are in pixels from the upper left corner: pixel (0, 0) covers 0…1, its centre is at 0.5. A
matrix is float64 (2, 3) and maps positions (x, y, 1) in the clip to (x, y) in the video.
"""

from typing import NamedTuple

import numpy as np

from ytvos_keras.data.augmentation import VideoConfig

Size = tuple[int, int]  # height, width

# Largest enlargement of a frame that was decoded at reduced size. It is then still about as sharp
# as frames at test time, which are resized with antialiasing (40 dB apart).
_SOFTNESS = 1.3
_RATIOS = (8, 4, 2)  # reductions at which JPEG decodes faster than at full size


class Framing(NamedTuple):
    """A crop of the video, and its mapping to the clip.

    Args:
        matrix: see above.
        window: top, left, height and width of the pixels needed; multiples of `ratio`.
        ratio: 1, 2, 4 or 8: frames may be decoded at 1/`ratio` of their size.
        flip: whether the window is mirrored left to right.
        turned: whether it is rotated or sheared; if not, the window is the clip.
    """

    matrix: np.ndarray
    window: tuple[int, int, int, int]
    ratio: int
    flip: bool
    turned: bool


def whole_frame(shape: Size, size: Size) -> Framing:
    """The whole frame, resized to the clip regardless of aspect ratio (section 4.3)."""
    return _straight((0, 0, *shape), size, flip=False)


def random_framing(
    rng: np.random.Generator, mask: np.ndarray, size: Size, config: VideoConfig
) -> Framing:
    """A random crop that contains the object of the first frame, as far as its shape allows.

    It has the clip's aspect ratio, slightly stretched. The mask is boolean (height, width) and not
    empty.
    """
    low, high = _box(mask)
    shape, frame = np.array(mask.shape[::-1], np.float64), np.array(size[::-1], np.float64)
    cover = (shape / frame).min()  # pixels of the video per pixel of the clip
    # Squared, so that most clips are barely enlarged.
    zoom = config.zoom ** -(rng.random() ** 2)
    # Half of the log for each side, so that width × height stays the same.
    stretch = np.exp(rng.uniform(-config.stretch, config.stretch) * np.array([0.5, -0.5]))
    # At least as much as the object needs, but no more than the whole video.
    needed = ((high - low) / (frame * stretch)).max()
    scale = max(cover * zoom, min(needed, cover / stretch.min()))
    turned, flip = rng.random() < config.turned, rng.random() < config.flip
    linear = np.diag(scale * stretch)
    if turned:
        linear = scale * _turn(rng, config) @ np.diag(stretch)
    # Where the centre may be: the video fills the clip, and the object is inside.
    # |linear| · frame is the bounding box of the turned crop; half of it, from its centre.
    inside = np.minimum(np.abs(linear) @ frame, shape) / 2
    seen = np.minimum(scale * stretch * frame, shape) / 2
    least, most = np.maximum(inside, high - seen), np.minimum(shape - inside, low + seen)
    # Where both are impossible, the centre is that of the object.
    middle = np.where(least < most, rng.uniform(least, np.maximum(least, most)), (low + high) / 2)
    if not turned:
        sides = np.clip(np.rint(2 * inside), 1, shape)
        corner = np.clip(np.rint(middle - sides / 2), 0, shape - sides)
        (left, top), (width, height) = corner.astype(int), sides.astype(int)
        return _straight((top, left, height, width), size, flip)
    linear[:, 0] *= -1 if flip else 1
    matrix = np.column_stack([linear, middle - linear @ frame / 2])
    return _turned(matrix, mask.shape, size)


def _straight(window: tuple[int, ...], size: Size, flip: bool) -> Framing:
    ratio = _ratio(min(window[2] / size[0], window[3] / size[1]))
    # Multiples of the ratio: a reduced JPEG has whole pixels only.
    top, left, height, width = (int(side) // ratio * ratio for side in window)
    across = (-width if flip else width) / size[1]
    # Computed from the rounded window, so that masks are sampled where the frames are cropped.
    matrix = [[across, 0, left + width * flip], [0, height / size[0], top]]
    return Framing(np.array(matrix), (top, left, height, width), ratio, flip, turned=False)


def _turned(matrix: np.ndarray, shape: Size, size: Size) -> Framing:
    # The smallest singular value: pixels of the video per pixel of the clip where it is finest.
    ratio = _ratio(np.linalg.svd(matrix[:, :2], compute_uv=False).min())
    corners = matrix @ [[0, size[1], 0, size[1]], [0, 0, size[0], size[0]], [1, 1, 1, 1]]
    # Two more pixels on all sides for the interpolation.
    low = np.maximum(corners.min(axis=1) / ratio - 2, 0).astype(int) * ratio
    high = np.minimum(np.ceil(corners.max(axis=1) / ratio + 2) * ratio, shape[::-1]).astype(int)
    # Two pixels or more, at reduced size, also for a crop at the border.
    low = np.minimum(low, np.array(shape[::-1]) // ratio * ratio - 2 * ratio).clip(0)
    width, height = np.maximum((high - low) // ratio, 1) * ratio
    window = (int(low[1]), int(low[0]), int(height), int(width))
    return Framing(matrix, window, ratio, flip=False, turned=True)


def _turn(rng: np.random.Generator, config: VideoConfig) -> np.ndarray:
    angle = rng.uniform(-config.rotation, config.rotation)
    shear = rng.uniform(-config.shear, config.shear)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1, shear], [0, 1]])


def _ratio(step: float) -> int:
    """The reduction for decoding a frame with `step` of its pixels per pixel of the clip."""
    return next((ratio for ratio in _RATIOS if ratio <= _SOFTNESS * step), 1)


def _box(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (x, y) of the smallest box around the mask, as positions."""
    rows = np.flatnonzero(mask.any(axis=1))
    # The other rows are empty; `any` over columns is the slow direction.
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    low = np.array([columns[0], rows[0]], np.float64)
    return low, np.array([columns[-1] + 1, rows[-1] + 1], np.float64)
