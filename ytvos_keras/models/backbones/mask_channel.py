"""Pretrained first-layer kernels for backbones with a mask channel."""

import numpy as np


def widen_first_kernel(kernel: np.ndarray, widened: np.ndarray) -> np.ndarray:
    """Copy a `(3, 3, 3, out)` kernel into the image channels of a `(3, 3, 4, out)` one.

    The mask channel of `widened` keeps its Glorot initialization.
    """
    return np.concatenate([kernel, widened[:, :, 3:]], axis=2)


def match_spread(start: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Scale each filter of a random kernel to the standard deviation of the pretrained filter.

    With batch normalization folded in, the scales of pretrained filters span orders of magnitude;
    Glorot initialization would be negligible next to most of them.
    """
    axes = (0, 1, 2)
    return start * kernel.std(axes) / start.std(axes)
