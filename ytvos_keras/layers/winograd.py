"""3×3 convolution with 4 multiplications where the plain one has 9: Winograd's F(2×2, 3×3).

Tiles of 4×4 inputs give 2×2 outputs: Y = Aᵀ[(G k Gᵀ) ∘ (Bᵀ d B)]A for a kernel k and a tile d. With
many channels the products in the middle are sixteen matrix products, and nearly all the work.

References:
    - Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.
"""

import numpy as np
from keras import ops

_B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], "float32")
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], "float32")
_A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], "float32")
# A transform of rows and columns is one matrix over the flattened tile.
_TILE, _KERNEL, _OUTPUT = (np.kron(m, m) for m in (_B, _G, _A))


def transform_kernel(kernel):
    """`(3, 3, in, out)` to `(16, out, in)`, once for any number of convolutions with it."""
    channels, filters = kernel.shape[2:]
    kernel = ops.reshape(ops.transpose(kernel, (0, 1, 3, 2)), (9, -1))
    return ops.reshape(ops.matmul(_KERNEL, kernel), (16, filters, channels))


def winograd_conv(x, transformed_kernel):
    """Convolves `(B, H, W, in)` with zero padding to `(B, H, W, out)`."""
    batch, height, width, channels = ops.shape(x)
    rows, columns = (height + 1) // 2, (width + 1) // 2  # of tiles
    tiles = ops.reshape(_tiles(x, rows, columns), (16, -1))
    tiles = ops.reshape(ops.matmul(_TILE, tiles), (16, -1, channels))
    products = ops.matmul(transformed_kernel, ops.transpose(tiles, (0, 2, 1)))
    filters = transformed_kernel.shape[1]
    y = ops.matmul(_OUTPUT, ops.reshape(products, (16, -1)))
    y = ops.reshape(y, (2, 2, filters, batch, rows, columns))
    y = ops.transpose(y, (3, 4, 0, 5, 1, 2))  # (B, rows, 2, columns, 2, filters)
    return ops.reshape(y, (batch, 2 * rows, 2 * columns, filters))[:, :height, :width]


def _tiles(x, rows, columns):
    """4×4 tiles, two cells apart, of a zero-padded map: `(4, 4, B, rows, columns, channels)`."""
    batch, height, width, channels = ops.shape(x)
    below, right = 2 * rows + 1 - height, 2 * columns + 1 - width
    x = ops.pad(x, [[0, 0], [1, below], [1, right], [0, 0]])
    # A tile is two neighbouring pairs of rows, and of columns.
    x = ops.reshape(x, (batch, rows + 1, 2, 2 * columns + 2, channels))
    x = ops.concatenate([x[:, :-1], x[:, 1:]], axis=2)
    x = ops.reshape(x, (batch, rows, 4, columns + 1, 2, channels))
    x = ops.concatenate([x[:, :, :, :-1], x[:, :, :, 1:]], axis=4)
    return ops.transpose(x, (2, 4, 0, 1, 3, 5))
