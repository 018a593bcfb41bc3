"""Inpaint the background behind objects that are cut out of an image."""

import numpy as np
from PIL import Image


def fill_hole(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill a hole smoothly from its surroundings.

    The image is halved until the hole vanishes (pull), then every level is filled from the next
    coarser one (push).

    Args:
        image: uint8 (H, W, 3).
        hole: boolean (H, W). If it covers everything, the result is black.

    Returns:
        uint8 (H, W, 3), unchanged outside the hole.

    References:
        - Gortler et al., The Lumigraph, 1996, section 3.4.
    """
    known = (~hole).astype(np.float32)
    filled = _fill(image * known[..., None], known)
    return np.where(hole[..., None], np.clip(np.rint(filled), 0, 255).astype(np.uint8), image)


def _fill(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill from the next coarser level; colours are premultiplied by `known`, 0–1."""
    height, width = known.shape
    # Nothing is left to fill, or nothing is known at all and the last pixel is black.
    if known.min() == 1 or height == width == 1:
        return colours / np.maximum(known, 1e-6)[..., None]
    coarse = _fill(*_halve(colours, known))
    size = 2 * coarse.shape[1], 2 * coarse.shape[0]
    smooth = [
        np.asarray(Image.fromarray(coarse[..., channel]).resize(size, Image.Resampling.BILINEAR))
        for channel in range(3)
    ]
    return colours + (1 - known[..., None]) * np.stack(smooth, axis=-1)[:height, :width]


def _halve(colours: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum 2×2 blocks of pixels, scaled down where more than one pixel's worth is known."""
    margin = [(0, length % 2) for length in known.shape]  # unknown, as `known` is 0 there
    colours, known = np.pad(colours, [*margin, (0, 0)]), np.pad(known, margin)
    height, width = known.shape[0] // 2, known.shape[1] // 2
    colours = colours.reshape(height, 2, width, 2, 3).sum(axis=(1, 3))
    known = known.reshape(height, 2, width, 2).sum(axis=(1, 3))
    return colours / np.maximum(known, 1)[..., None], np.minimum(known, 1)
