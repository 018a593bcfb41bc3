"""Encoder: a frame to features (equation 2)."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.composite import Composite
from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.types import Tensor


class Encoder(Composite):
    """The paper's Encoder: a backbone and one 1×1 convolution with ReLU.

    Args:
        backbone: A backbone without a mask channel, or with one for the variant of section 5.4 in
            which the Encoder also sees the previous mask.
        filters: Channels of the features; 512 in the paper.

    Call arguments:
        frames: RGB in 0–255, sides multiples of 32.
        masks: In 0–1, if the backbone has a mask channel.

    Input shape:
        `frames`: `(B, H, W, 3)`; `masks`: `(B, H, W, 1)`.

    Output shape:
        A dict of maps; `"features"` is `(B, H / 32, W / 32, filters)`.
    """

    def __init__(self, backbone: keras.layers.Layer, filters: int = 512, **kwargs: Any) -> None:
        # Frames stay in 0–255 until the backbone has subtracted the means in float32.
        super().__init__(autocast=False, **kwargs)
        self.backbone = backbone
        self.conv = keras.layers.Conv2D(filters, 1, activation="relu", dtype=self.dtype_policy)

    def call(self, frames: Tensor, masks: Tensor | None = None) -> dict[str, Tensor]:
        # Split in two, so that online learning can compute a frozen backbone's maps once.
        return self.from_maps(self.backbone(frames, masks))

    def from_maps(self, maps: dict[int, Tensor]) -> dict[str, Tensor]:
        """`call` from the backbone's maps."""
        return {"features": self.conv(maps[32])}


class PyramidEncoder(Composite):
    """The Encoder of `s2s-lite`: deeper maps merged into the one at stride 8.

    Args:
        backbone: A backbone without a mask channel.
        filters: Channels of the features.
        key_filters: Channels of the keys for `Matching`; 0 for none.
        skips: Whether to pass the backbone's maps at stride 4 and 2 on to the Decoder.

    Call arguments:
        frames: RGB in 0–255, sides multiples of 32.

    Input shape:
        `(B, H, W, 3)`.

    Output shape:
        A dict of maps: `"features"` `(B, H / 8, W / 8, filters)`; on request `"key"`, L2-normalized
        along the last axis, `"skip_4"` and `"skip_2"`.
    """

    merged_filters = 128

    def __init__(
        self,
        backbone: keras.layers.Layer,
        filters: int,
        key_filters: int = 0,
        skips: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        policy = self.dtype_policy
        self.backbone = backbone
        self.skips = skips
        self.merge_32 = JointConv(self.merged_filters, 1, dtype=policy, name="merge_32")
        self.merge_16 = JointConv(self.merged_filters, upsampled=1, dtype=policy, name="merge_16")
        self.merge_8 = JointConv(filters, upsampled=1, dtype=policy, name="merge_8")
        self.to_key = None
        if key_filters:
            self.to_key = keras.layers.Conv2D(key_filters, 1, dtype=policy, name="to_key")

    def call(self, frames: Tensor) -> dict[str, Tensor]:
        return self.from_maps(self.backbone(frames))

    def from_maps(self, maps: dict[int, Tensor]) -> dict[str, Tensor]:
        """`call` from the backbone's maps."""
        x = self.merge_32([maps[32]])
        x = self.merge_16([maps[16], x])
        x = self.merge_8([maps[8], x])
        features = {"features": x}
        if self.to_key is not None:
            # Unit length turns the dot products of `Matching` into cosines.
            features["key"] = _normalize(self.to_key(x))
        if self.skips:
            features |= {"skip_4": maps[4], "skip_2": maps[2]}
        return features


def _normalize(x: Tensor) -> Tensor:
    """L2-normalize along the last axis; in float32 for float16, whose squares may overflow."""
    if x.dtype != "float16":
        return ops.normalize(x, axis=-1)
    return ops.cast(ops.normalize(ops.cast(x, "float32"), axis=-1), x.dtype)
