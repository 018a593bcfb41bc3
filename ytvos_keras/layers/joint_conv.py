"""Convolution over several maps, the building block of `s2s-lite`."""

from collections.abc import Sequence
from typing import Any

import keras

from ytvos_keras.layers.types import Config, Shape, Tensor
from ytvos_keras.layers.upsampled_conv import upsampled_conv


@keras.saving.register_keras_serializable("ytvos_keras")
class JointConv(keras.layers.Layer):
    """Convolution over concatenated maps, RMS norm over channels, ReLU.

    Each map has a separate kernel and the results are added, so a map shared by all objects (batch
    1) is convolved once. RMS norm replaces the usual batch norm because batches are small.

    Args:
        filters: Number of output channels.
        kernel_size: Side of the square kernels; 3 with `upsampled`.
        upsampled: Index of the map, if any, that is at half the resolution of the others. It is
            upsampled by repeating cells (nearest neighbour).
        silent: Index of the map, if any, whose kernel starts at zero: a new input that does not
            change the results until it has been trained.

    Call arguments:
        maps: A list of one or more tensors.

    Input shape:
        `(B or 1, H, W, channels)` each, and `(B or 1, H / 2, W / 2, channels)` for `upsampled`;
        channels may differ.

    Output shape:
        `(B, H, W, filters)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        upsampled: int | None = None,
        silent: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if upsampled is not None and kernel_size != 3:
            raise ValueError(
                f"kernel_size must be 3 with upsampled. Received: kernel_size={kernel_size}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.upsampled = upsampled
        self.silent = silent
        self.norm = keras.layers.RMSNormalization(dtype=self.dtype_policy)
        self.convolutions: list[keras.layers.Conv2D] = []

    def build(self, shapes: Sequence[Shape]) -> None:
        for n, shape in enumerate(shapes):
            conv = keras.layers.Conv2D(
                self.filters,
                self.kernel_size,
                padding="same",
                use_bias=n == 0,  # the results are added, so one bias is enough
                kernel_initializer="zeros" if n == self.silent else "glorot_uniform",
                dtype=self.dtype_policy,
                name=f"conv_{n}",
            )
            conv.build(shape)
            self.convolutions.append(conv)
        self.norm.build((None, None, None, self.filters))
        self.built = True

    def call(self, maps: Sequence[Tensor]) -> Tensor:
        pairs = zip(self.convolutions, maps, strict=True)
        # Maps of batch 1 broadcast to the others here.
        x = sum(
            self._upsample_and_convolve(conv, x) if n == self.upsampled else conv(x)
            for n, (conv, x) in enumerate(pairs)
        )
        return keras.ops.relu(self.norm(x))

    def _upsample_and_convolve(self, conv: keras.layers.Conv2D, x: Tensor) -> Tensor:
        kernel, x = (keras.ops.cast(tensor, self.compute_dtype) for tensor in (conv.kernel, x))
        y = upsampled_conv(x, kernel)
        return y + keras.ops.cast(conv.bias, y.dtype) if conv.use_bias else y

    def compute_output_shape(self, shapes: Sequence[Shape]) -> Shape:
        batches = {shape[0] for shape in shapes} - {1}
        # Height and width are those of the first map, which may be the one at half the resolution.
        scale = 2 if self.upsampled == 0 else 1
        height, width = (side and scale * side for side in shapes[0][1:3])  # None stays None
        return (batches.pop() if batches else 1, height, width, self.filters)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "upsampled": self.upsampled,
            "silent": self.silent,
        }
