"""A 3×3 convolution of an upsampled map, computed at the resolution of the map."""

import numpy as np
from keras import ops

from ytvos_keras.layers.resolution import depth_to_space
from ytvos_keras.layers.types import Tensor

# Which of two neighbouring cells each of the three taps sees: [0] for a kernel centred on the last
# copy of the first cell, [1] on the first copy of the second.
_TAPS = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], "float32")


def upsampled_conv(x: Tensor, kernel: Tensor) -> Tensor:
    """Compute `ops.conv(upsampled, kernel, padding="same")` for `x` upsampled by repeating cells.

    Kernel taps that see copies of the same cell are added beforehand, which leaves four products
    instead of nine: the four outputs around a corner where 2×2 cells meet depend only on these
    cells.

    Args:
        x: `(B, H, W, channels)`.
        kernel: `(3, 3, channels, filters)`, of the same dtype.

    Returns:
        `(B, 2H, 2W, filters)`.
    """
    channels, filters = kernel.shape[2:]
    taps = ops.convert_to_tensor(_TAPS, dtype=kernel.dtype)
    # a, b: the four outputs at a corner; p, q: the four cells; k, l: taps; i, o: channels.
    kernel = ops.einsum("apk,bql,klio->pqiabo", taps, taps, kernel)
    kernel = ops.reshape(kernel, (2, 2, channels, 4 * filters))
    # One cell of padding is two in the upsampled map; the surplus outputs are cropped below.
    x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    # (B, H + 1, W + 1, 4 · filters)
    corners = ops.conv(x, kernel, padding="valid", data_format="channels_last")
    upsampled = depth_to_space(corners, 2)
    batch, height, width, _ = ops.shape(upsampled)
    # Not [:, 1:-1, 1:-1]: the gradient of TensorFlow's strided slice runs on a single core.
    return ops.slice(upsampled, (0, 1, 1, 0), (batch, height - 2, width - 2, filters))
