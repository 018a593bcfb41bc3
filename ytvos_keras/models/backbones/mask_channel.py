"""Pretrained first kernels for backbones that also see a mask."""

import numpy as np


def widen_first_kernel(kernel: np.ndarray, widened: np.ndarray) -> np.ndarray:
    """Puts a `(3, 3, 3, out)` kernel over the image channels of a `(3, 3, 4, out)` one.

    The mask channel of `widened` keeps its Glorot start.
    """
    return np.concatenate([kernel, widened[:, :, 3:]], axis=2)


def match_spread(start: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Scales each filter of a random kernel to the standard deviation of a pretrained one's.

    Where batch normalisation is folded into the pretrained kernel its filters differ in scale by
    powers of ten, and Glorot's would not be heard beside most of them.
    """
    axes = (0, 1, 2)
    return start * kernel.std(axes) / start.std(axes)
