"""Pretrained first kernels for backbones that also see a mask."""

import numpy as np


def widen_first_kernel(kernel: np.ndarray, widened: np.ndarray) -> np.ndarray:
    """Puts a `(3, 3, 3, out)` kernel over the image channels of a `(3, 3, 4, out)` one.

    The mask channel of `widened` keeps its Glorot start.
    """
    return np.concatenate([kernel, widened[:, :, 3:]], axis=2)
