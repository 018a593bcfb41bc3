"""A fast convolution with a single filter."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable("ytvos_keras")
class OneFilterConv(keras.layers.Layer):
    """`keras.layers.Conv2D(1, kernel_size, padding="same")`, computed row by row of its kernel.

    A CPU computes sixteen output channels at a time; with one filter, fifteen are wasted. Here the
    rows of the kernel are the output channels of a convolution of height 1, which are then shifted
    and added. At 256×448 and 32 or 64 channels this is 1.7 to 2.0 times as fast forward, and 2.8 to
    4.5 times with gradients.

    Args:
        kernel_size: Side of the square kernel; odd.

    Input shape:
        `(B, H, W, channels)`.

    Output shape:
        `(B, H, W, 1)`.
    """

    def __init__(self, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd. Received: kernel_size={kernel_size}")
        self.kernel_size = kernel_size

    def build(self, input_shape: Shape) -> None:
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], 1)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        rows = self.kernel_size
        kernel = ops.transpose(self.kernel[..., 0], (1, 2, 0))[None]  # (1, columns, channels, rows)
        x = ops.conv(inputs, kernel, padding="same", data_format="channels_last")
        x = ops.pad(x, [[0, 0], [rows // 2, rows // 2], [0, 0], [0, 0]])
        height = ops.shape(inputs)[1]
        return sum(x[:, r : r + height, :, r : r + 1] for r in range(rows)) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:3], 1)

    def get_config(self) -> Config:
        return {**super().get_config(), "kernel_size": self.kernel_size}
