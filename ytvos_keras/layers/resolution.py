"""Resolution changes without weights."""

from keras import ops

from ytvos_keras.layers.types import Tensor


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """Zero-pad `(B, H, W, C)` at the bottom and right to sides divisible by `stride`."""
    # Not -side % stride: ONNX defines the remainder of negative numbers differently.
    below, right = ((stride - side % stride) % stride for side in ops.shape(x)[1:3])
    return ops.pad(x, [[0, 0], [0, below], [0, right], [0, 0]])


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Rearrange `(B, H, W, C)` to `(B, H / block, W / block, block² · C)`."""
    batch, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (batch, height // block, block, width // block, block, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (batch, height // block, width // block, block * block * channels))


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """The inverse of `space_to_depth`."""
    batch, height, width, channels = ops.shape(x)
    channels //= block * block
    x = ops.reshape(x, (batch, height, width, block, block, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (batch, height * block, width * block, channels))
