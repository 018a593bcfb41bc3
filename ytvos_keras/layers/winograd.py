"""Winograd's F(2×2, 3×3): 3×3 convolution with 4 multiplications instead of 9.

Tiles of 4×4 inputs give 2×2 outputs: Y = Aᵀ[(G k Gᵀ) ∘ (Bᵀ d B)]A for a kernel k and a tile d. With
many channels the products in the middle are sixteen matrix products, which dominate the cost. The
gradients consist of the same products and gain as much. The VGG-16 backbone uses this for training
on a CPU.

In float32, results differ from direct convolution by a relative error of 10⁻⁶. In bfloat16 the
transforms are rounded too: the error is 0.5 % instead of 0.3 %. Tiles with 4×4 outputs would be
even faster, with ten times the error.

References:
    - Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from ytvos_keras.layers.native_types import has_bfloat16, has_matrix_units
from ytvos_keras.layers.types import Tensor

_B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], "float32")
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], "float32")
_A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], "float32")
# Transforming rows and columns is one matrix product with the flattened tile.
_TILE, _KERNEL, _OUTPUT = (np.kron(m, m) for m in (_B, _G, _A))
# Rotating a kernel by 180° swaps the first and last rows, and columns, of its transform.
_TURNED = np.arange(16).reshape(4, 4)[[3, 1, 2, 0]][:, [3, 1, 2, 0]].ravel()


def winograd_pays(dtype: str) -> bool:
    """Whether Winograd is faster for a 3×3 convolution with many channels in a dtype.

    Not on a GPU: cuDNN has its own Winograd convolutions. Not in float16: the transforms, which sum
    four or more values, may overflow. Nor in bfloat16 on a CPU that emulates it, or whose matrix
    units make the products so fast that the transforms, bound by memory, cost more than they save.
    """
    if tf.config.list_physical_devices("GPU"):
        return False
    if dtype == "bfloat16":
        return has_bfloat16() and not has_matrix_units()
    return dtype == "float32"


def transform_kernel(kernel: Tensor) -> Tensor:
    """Transform a kernel `(3, 3, in, out)` to `(16, out, in)`, for any number of convolutions."""
    # (out, in): the layout in which `_convolve` multiplies.
    kernel = ops.transpose(kernel, (0, 1, 3, 2))
    return ops.reshape(_combine(_KERNEL, kernel), (16, *kernel.shape[2:]))


@ops.custom_gradient
def winograd_conv(x: Tensor, transformed_kernel: Tensor) -> Any:
    """Convolve `(B, H, W, in)` with zero padding to `(B, H, W, out)`."""

    def gradient(dy):
        # The input gradient is a convolution with the rotated kernel, in and out swapped.
        turned = ops.take(transformed_kernel, _TURNED, axis=0)
        dx = _convolve(dy, ops.transpose(turned, (0, 2, 1)))
        # Tiles take four times the memory of x, so they are recomputed after those of dy are freed.
        with tf.control_dependencies([dx]):
            dy = ops.transpose(_transform_gradient(dy), (0, 2, 1))
            # The second is with respect to the transformed kernel; autodiff does the rest.
            return dx, ops.matmul(dy, _transform_tiles(x))

    return _convolve(x, transformed_kernel), gradient


def _convolve(x, transformed_kernel):
    batch, height, width, _ = ops.shape(x)
    rows, columns = _tile_counts(x)
    filters = transformed_kernel.shape[1]
    # The kernel, usually the larger factor, on the left: this order is faster.
    tiles = ops.transpose(_transform_tiles(x), (0, 2, 1))
    y = ops.matmul(transformed_kernel, tiles)  # (16, out, tiles)
    y = ops.reshape(_combine(_OUTPUT, y), (2, 2, filters, batch, rows, columns))
    y = ops.transpose(y, (3, 4, 0, 5, 1, 2))  # (B, rows, 2, columns, 2, out)
    # For odd sides, the last tiles extend one row or column beyond the map.
    return ops.reshape(y, (batch, 2 * rows, 2 * columns, filters))[:, :height, :width]


def _transform_tiles(x):
    """Bᵀ d B for all tiles: `(16, tiles, channels)`."""
    return ops.reshape(_combine(_TILE, _tiles(x)), (16, -1, x.shape[-1]))


def _transform_gradient(dy):
    """A dY Aᵀ for the 2×2 outputs of all tiles: `(16, tiles, channels)`."""
    batch, height, width, channels = ops.shape(dy)
    rows, columns = _tile_counts(dy)
    dy = ops.pad(dy, [[0, 0], [0, 2 * rows - height], [0, 2 * columns - width], [0, 0]])
    dy = ops.reshape(dy, (batch, rows, 2, columns, 2, channels))
    dy = ops.transpose(dy, (2, 4, 0, 1, 3, 5))
    return ops.reshape(_combine(_OUTPUT.T, dy), (16, -1, channels))


def _combine(matrix, x):
    """Multiply the matrix with x, whose first axes index a tile, in the dtype of x."""
    flat = ops.reshape(x, (matrix.shape[1], -1))
    # Exact in bfloat16: the entries are 0, ±¼, ±½ and ±1.
    return ops.matmul(ops.cast(matrix, flat.dtype), flat)


def _tiles(x):
    """4×4 tiles, two cells apart, of a zero-padded map: `(4, 4, B, rows, columns, channels)`."""
    batch, height, width, channels = ops.shape(x)
    rows, columns = _tile_counts(x)
    # One cell for the kernel's extent, and one more where a side is odd.
    below, right = 2 * rows + 1 - height, 2 * columns + 1 - width
    x = ops.pad(x, [[0, 0], [1, below], [1, right], [0, 0]])
    # A tile is two neighbouring pairs of rows, and of columns.
    x = ops.reshape(x, (batch, rows + 1, 2, 2 * columns + 2, channels))
    x = ops.concatenate([x[:, :-1], x[:, 1:]], axis=2)
    # (B, rows, 4, 2 · columns + 2, C)
    x = ops.reshape(x, (batch, rows, 4, columns + 1, 2, channels))
    x = ops.concatenate([x[:, :, :, :-1], x[:, :, :, 1:]], axis=4)
    return ops.transpose(x, (2, 4, 0, 1, 3, 5))


def _tile_counts(x):
    """Rows and columns of tiles that cover a map."""
    height, width = ops.shape(x)[1:3]
    return (height + 1) // 2, (width + 1) // 2
