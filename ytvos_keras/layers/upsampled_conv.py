"""A 3×3 convolution of an upsampled map, computed at the resolution of the map."""

import numpy as np
from keras import ops

from ytvos_keras.layers.resolution import depth_to_space
from ytvos_keras.layers.types import Tensor

# Of two copies of a cell, [0] the first and [1] the second: how the three taps of a kernel that is
# centred there fall on two neighbouring cells.
_TAPS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], "float32")


def upsampled_conv(x: Tensor, kernel: Tensor) -> Tensor:
    """Compute `ops.conv(upsample(x), kernel, padding="same")` without its repeated products.

    Upsampling repeats every cell 2×2 times, so that several taps of the kernel see the same cell.
    Their weights are added beforehand, which leaves four products of nine for each place of the
    output: a 2×2 convolution of `x` for each of the four places that a cell becomes.

    Args:
        x: `(B, H, W, channels)`.
        kernel: `(3, 3, channels, filters)`, of the same dtype.

    Returns:
        `(B, 2H, 2W, filters)`; equal to the above but for rounding.
    """
    filters = kernel.shape[-1]
    height, width = ops.shape(x)[1:3]
    taps = ops.convert_to_tensor(_TAPS, dtype=kernel.dtype)
    # (2, 2, channels, 2 · 2 · filters): for each of the four places, a kernel of 2×2 cells.
    kernels = ops.einsum("apk,bql,klio->pqiabo", taps, taps, kernel)
    kernels = ops.reshape(kernels, (2, 2, kernel.shape[2], 4 * filters))
    windows = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    windows = ops.conv(windows, kernels, padding="valid", data_format="channels_last")
    # The first copy of a cell reads the window that begins before it, the second the next one.
    places = [
        windows[:, a : a + height, b : b + width, n * filters : (n + 1) * filters]
        for n, (a, b) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)])
    ]
    return depth_to_space(ops.concatenate(places, axis=-1), 2)
