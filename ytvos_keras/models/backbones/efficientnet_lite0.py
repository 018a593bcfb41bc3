"""EfficientNet-Lite0 with folded batch norm: the light backbone."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.layers.types import Config, Shape, Tensor
from ytvos_keras.media.array_file import load_arrays
from ytvos_keras.models.backbones.mask_channel import match_spread, widen_first_kernel

# Expansion, kernel size, stride, filters and repeats of each stage (EfficientNet-B0's, without
# squeeze-and-excitation and with ReLU6).
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM_FILTERS = 32
# The last stage at each stride.
_TAPS = {0: 2, 1: 4, 2: 8, 4: 16, 6: 32}


@keras.saving.register_keras_serializable("ytvos_keras")
class EfficientNetLite0(keras.layers.Layer):
    """EfficientNet-Lite0 without its head; see the package docstring of `backbones`.

    Batch norms are folded into the convolutions. Each of the five returned maps is standardized per
    channel with fixed statistics, because their scales differ widely.

    Args:
        with_mask: Whether a mask is the fourth input channel.

    References:
        - Tan and Le, EfficientNet, 2019; the "Lite" variants are Google's, 2020.
    """

    def __init__(self, with_mask: bool = False, **kwargs: Any) -> None:
        # Autocast would round float frames before `preprocess` sees them.
        super().__init__(autocast=False, **kwargs)
        self.with_mask = with_mask
        self.filters = {stride: _STAGES[stage][3] for stage, stride in _TAPS.items()}
        self.stem = self._conv(_STEM_FILTERS, 3, strides=2, activation="relu6", name="stem")
        self.stages = []
        filters = _STEM_FILTERS
        for expansion, kernel_size, strides, filters_out, repeats in _STAGES:
            stage = []
            for _ in range(repeats):
                stage.append(self._block(filters, expansion, kernel_size, strides, filters_out))
                filters, strides = filters_out, 1  # only the first block of a stage is strided
            self.stages.append(stage)
        # Frozen batch norms without scale and centre: (x − mean) ÷ standard deviation.
        self.standardize = {
            stride: keras.layers.BatchNormalization(
                center=False,
                scale=False,
                trainable=False,
                dtype=self.dtype_policy,
                name=f"standardize_{stride}",
            )
            for stride in self.filters
        }

    def build(self, images_shape: Shape | None = None, masks_shape: Shape | None = None) -> None:
        self.stem.build((None, None, None, 3 + self.with_mask))
        filters = _STEM_FILTERS
        for stage in self.stages:
            for block in stage:
                for conv in block:
                    conv.build((None, None, None, filters))
                    # A depthwise convolution has no `filters` and keeps the number of channels.
                    filters = conv.filters if hasattr(conv, "filters") else filters
        for stride, layer in self.standardize.items():
            layer.build((None, None, None, self.filters[stride]))
        self.built = True

    def call(self, images: Tensor, masks: Tensor | None = None) -> dict[int, Tensor]:
        x = self.stem(self.preprocess(images, masks))
        maps = {}
        for s, stage in enumerate(self.stages):
            for block in stage:
                y = x
                for conv in block:
                    y = conv(y)
                # The first block of each stage changes the channels, so it has no shortcut.
                x = y if block is stage[0] else x + y
            if s in _TAPS:
                # training=False: setting `trainable = True` on a backbone also sets it here.
                maps[_TAPS[s]] = self.standardize[_TAPS[s]](x, training=False)
        return maps

    def preprocess(self, images: Tensor, masks: Tensor | None = None) -> Tensor:
        """Scale images, and the mask, to −1…1."""
        x = ops.cast(images, "float32")
        if self.with_mask:
            # To 0–255 first, so that the line below scales the mask like the colours.
            x = ops.concatenate([x, 255 * ops.cast(masks, "float32")], axis=-1)
        # Constants of Google's "Lite" models. Computed in float32, so rounded only once.
        return ops.cast((x - 127.0) / 128.0, self.compute_dtype)

    def train_from(self, stride: int) -> None:
        """Make the stages at this stride and deeper trainable, and freeze the earlier ones."""
        self.trainable = True  # of all layers; a frozen backbone would hide those of its stages
        self.stem.trainable = False
        for layer in self.standardize.values():
            layer.trainable = False
        current = 2  # the stem's stride
        for stage, (_, _, strides, _, _) in zip(self.stages, _STAGES, strict=True):
            current *= strides
            for block in stage:
                for conv in block:
                    conv.trainable = current >= stride

    def read_weights(self, source: str | Path) -> list[np.ndarray]:
        """Read an `.npz` file written by `ytvos_keras.training.import_efficientnet_lite0`."""
        path = Path(source)
        if not path.is_file():
            raise InputError(f"{path}: no such file; pass the .npz of EfficientNet-Lite0 weights")
        try:
            named = load_arrays(path)
            # np.savez names positional arrays like this.
            arrays = [named[f"arr_{i}"] for i in range(len(named))]
        except (InputError, KeyError) as error:
            raise InputError(
                f"{path}: not an .npz of EfficientNet-Lite0 weights ({first_line(error)})"
            ) from error
        # The file is the same with or without a mask channel.
        without_mask = (3, 3, 3, _STEM_FILTERS)
        shapes = [without_mask, *(tuple(w.shape) for w in self.weights[1:])]
        if [a.shape for a in arrays] != shapes:
            raise InputError(
                f"{path}: the shapes are not those of EfficientNet-Lite0 weights; create the "
                "file with ytvos_keras.training.import_efficientnet_lite0"
            )
        return arrays

    def assign_weights(self, weights: list[np.ndarray]) -> None:
        """Assign pretrained weights; a mask channel keeps its random weights, scaled to match."""
        kernel, *others = weights
        if self.with_mask:
            start = match_spread(np.array(self.stem.kernel), kernel)
            kernel = widen_first_kernel(kernel, start)
        self.set_weights([kernel, *others])

    def compute_output_shape(
        self, images_shape: Shape, masks_shape: Shape | None = None
    ) -> dict[int, Shape]:
        return {s: (images_shape[0], None, None, n) for s, n in self.filters.items()}

    def get_config(self) -> Config:
        return {**super().get_config(), "with_mask": self.with_mask}

    def _block(
        self, filters_in: int, expansion: int, kernel_size: int, strides: int, filters_out: int
    ) -> list[keras.layers.Layer]:
        """Inverted residual block: expand, depthwise convolution, project."""
        convolutions = []
        if expansion > 1:
            convolutions.append(self._conv(expansion * filters_in, 1, activation="relu6"))
        depthwise = keras.layers.DepthwiseConv2D(
            kernel_size,
            strides=strides,
            padding="same",
            activation="relu6",
            dtype=self.dtype_policy,
        )
        return [*convolutions, depthwise, self._conv(filters_out, 1)]

    def _conv(self, filters: int, kernel_size: int, **kwargs: Any) -> keras.layers.Conv2D:
        return keras.layers.Conv2D(
            filters, kernel_size, padding="same", dtype=self.dtype_policy, **kwargs
        )
