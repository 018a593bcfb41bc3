"""VGG-16 as the paper uses it: thirteen convolutions and the first fully connected layer."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ytvos_keras.layers.types import Config, Shape, Tensor
from ytvos_keras.models.backbones.mask_channel import widen_first_kernel
from ytvos_keras.models.backbones.vgg16_weights import (
    BLOCKS,
    Weights,
    collapse_fc6,
    read_vgg16_weights,
)

_BGR_MEANS = (103.939, 116.779, 123.68)  # ImageNet means, as used for the pretrained weights
_FC6_FILTERS = 4096


@keras.saving.register_keras_serializable("ytvos_keras")
class VGG16(keras.layers.Layer):
    """VGG-16 without its classifier; see the package docstring of `backbones` for the interface.

    Args:
        with_mask: Whether a mask is the fourth input channel (the paper's Initializer).
        fc6: How the first fully connected layer becomes a convolution. The paper says "1×1
            convolution", but not what happens to the 7×7×512×4096 kernel: `"1x1"` sums it over its
            positions (exact where the map is locally constant), `"7x7"` keeps it with "same"
            padding, `"none"` omits the layer.

    References:
        - Section 4.3 of the paper, "Model structures".
    """

    def __init__(self, with_mask: bool = False, fc6: str = "1x1", **kwargs: Any) -> None:
        # Autocast would round float frames before `preprocess` sees them.
        super().__init__(autocast=False, **kwargs)
        self.with_mask = with_mask
        self.fc6 = fc6
        self.filters = {2: 64, 4: 128, 8: 256, 16: 512, 32: 512 if fc6 == "none" else _FC6_FILTERS}
        self.blocks = [
            [self._conv(f"block{b}_conv{c}", filters, 3) for c in range(1, count + 1)]
            for b, (filters, count) in enumerate(BLOCKS, start=1)
        ]
        size = {"1x1": 1, "7x7": 7, "none": 0}[fc6]
        self.fc6_conv = self._conv("fc6", _FC6_FILTERS, size) if size else None
        self._pretrained: tuple[str, ...] = ()

    def build(self, images_shape: Shape | None = None, masks_shape: Shape | None = None) -> None:
        channels = 3 + self.with_mask
        for conv in self._convolutions():
            conv.build((None, None, None, channels))
            channels = conv.filters
        self.built = True

    def call(self, images: Tensor, masks: Tensor | None = None) -> dict[int, Tensor]:
        x = self.preprocess(images, masks)
        maps = {}
        for b, block in enumerate(self.blocks, start=1):
            for conv in block:
                x = conv(x)
            # Pooled maps, at stride 2 to 32; fc6 replaces the last one.
            x = ops.max_pool(x, 2, 2)
            maps[2**b] = x
        if self.fc6_conv is not None:
            maps[32] = self.fc6_conv(x)
        return maps

    def preprocess(self, images: Tensor, masks: Tensor | None = None) -> Tensor:
        """Convert RGB to BGR minus the ImageNet means, and the mask to −127.5 or 127.5."""
        images = ops.cast(images, "float32")
        # BGR, because the published weights come from Caffe. In float32, so rounded only once.
        x = ops.flip(images, axis=-1) - ops.convert_to_tensor(_BGR_MEANS)
        if self.with_mask:
            x = ops.concatenate([x, 255 * ops.cast(masks, "float32") - 127.5], axis=-1)
        return ops.cast(x, self.compute_dtype)

    def read_weights(self, source: str | Path) -> Weights:
        """Read pretrained weights.

        Args:
            source: `"imagenet"` (from `keras.applications`, downloaded once and cached), or the
                path of a Keras VGG-16 weights file with or without the top. Without the top, fc6
                starts from random weights, and a warning is issued.

        Returns:
            Weights for `assign_weights` of any VGG-16 with the same `fc6`.
        """
        return read_vgg16_weights(source, with_fc6=self.fc6_conv is not None)

    def assign_weights(self, weights: Weights) -> None:
        """Assign pretrained weights; fc6 and the first convolution are reshaped to fit."""
        self._pretrained = tuple(weights) + (("fc6",) if "fc1" in weights else ())
        for conv in self._convolutions():
            if conv is self.fc6_conv:
                # A file without the top: fc6 keeps its random weights, and read_weights has warned.
                if "fc1" not in weights:
                    continue
                kernel, bias = weights["fc1"]
                # Keras flattens row by row, channels last, so this undoes Flatten exactly.
                kernel = kernel.reshape(7, 7, 512, _FC6_FILTERS)
                kernel = collapse_fc6(kernel) if self.fc6 == "1x1" else kernel
            else:
                kernel, bias = weights[conv.name]
            if self.with_mask and conv is self.blocks[0][0]:
                kernel = widen_first_kernel(kernel, np.array(conv.kernel))
            conv.set_weights([kernel, bias])

    @property
    def pretrained_layers(self) -> list[keras.layers.Layer]:
        """The layers all of whose weights came from `assign_weights`.

        fc6 may not be among them, nor the first convolution, whose mask channel is random.
        """
        whole = [conv for conv in self._convolutions() if conv.name in self._pretrained]
        return whole[1:] if self.with_mask else whole

    def compute_output_shape(
        self, images_shape: Shape, masks_shape: Shape | None = None
    ) -> dict[int, Shape]:
        return {s: (images_shape[0], None, None, n) for s, n in self.filters.items()}

    def get_config(self) -> Config:
        return {**super().get_config(), "with_mask": self.with_mask, "fc6": self.fc6}

    def _conv(self, name: str, filters: int, kernel_size: int) -> keras.layers.Conv2D:
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            activation="relu",
            dtype=self.dtype_policy,
            name=name,
        )

    def _convolutions(self) -> list[keras.layers.Conv2D]:
        convolutions = [conv for block in self.blocks for conv in block]
        return convolutions if self.fc6_conv is None else [*convolutions, self.fc6_conv]
