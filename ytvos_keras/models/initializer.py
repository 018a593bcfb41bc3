"""Initializer: the first frame and its mask to the first states (equation 1)."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.composite import Composite
from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.resolution import space_to_depth
from ytvos_keras.layers.types import Tensor


class Initializer(Composite):
    """The paper's Initializer: a backbone over frame and mask, and one 1×1 convolution per state.

    Args:
        backbone: A backbone with a mask channel.
        filters: Channels of both states; 512 in the paper.

    Call arguments:
        frames: RGB in 0–255, sides multiples of 32.
        masks: The object's mask in 0–1.

    Input shape:
        `frames`: `(B, H, W, 3)`; `masks`: `(B, H, W, 1)`.

    Output shape:
        `(cell, hidden)`, in the order of equation 1: both `(B, H / 32, W / 32, filters)`.
    """

    def __init__(self, backbone: keras.layers.Layer, filters: int = 512, **kwargs: Any) -> None:
        # Frames stay in 0–255 until the backbone has subtracted the means in float32.
        super().__init__(autocast=False, **kwargs)
        self.backbone = backbone
        self.to_cell = _state_head(filters, self.dtype_policy, "to_cell")
        self.to_hidden = _state_head(filters, self.dtype_policy, "to_hidden")

    def call(self, frames: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        x = self.backbone(frames, masks)[32]  # (B, H / 32, W / 32, 4096) with fc6
        return self.to_cell(x), self.to_hidden(x)


class MaskInitializer(Composite):
    """No Initializer: the mask itself as the first states (section 5.4, "Initializer variants").

    "The object mask is reshaped to match the size of the hidden states": the 32×32 pixels of a cell
    become its 1024 channels, of which 512 are c0 and 512 are h0. With fewer filters, groups of
    neighbouring pixels are averaged. It has no weights.

    Args:
        filters: Channels of both states; 512 in the paper. `2 · filters` must divide `stride ** 2`.
        stride: Side in pixels of one cell of the states.

    Call arguments:
        frames: Ignored.
        masks: The object's mask in 0–1.

    Input shape:
        `masks`: `(B, H, W, 1)`.

    Output shape:
        `(cell, hidden)`, both `(B, H / stride, W / stride, filters)`.
    """

    def __init__(self, filters: int = 512, stride: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride

    def call(self, frames: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        x = space_to_depth(masks, self.stride)  # (B, h, w, stride²)
        x = ops.reshape(x, (*ops.shape(x)[:3], 2 * self.filters, -1))  # (B, h, w, 2F, pixels)
        # The upper half of a cell's pixels becomes c0, the lower half h0.
        cell, hidden = ops.split(ops.mean(x, axis=-1), 2, axis=-1)
        return cell, hidden


class FeatureInitializer(Composite):
    """The Initializer of `s2s-lite`, which takes the Encoder's features instead of a backbone.

    Args:
        filters: Channels of both states.
        stride: Side in pixels of one cell of the features.

    Call arguments:
        features: The Encoder's features of the frame.
        masks: The object's mask in 0–1, at full resolution.

    Input shape:
        `features`: `(B or 1, h, w, channels)`; `masks`: `(B, h · stride, w · stride, 1)`.

    Output shape:
        `(cell, hidden)`, both `(B, h, w, filters)`.
    """

    def __init__(self, filters: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = stride
        self.mix = JointConv(filters, 3, dtype=self.dtype_policy)
        self.to_cell = _state_head(filters, self.dtype_policy, "to_cell")
        self.to_hidden = _state_head(filters, self.dtype_policy, "to_hidden")

    def call(self, features: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        # Not averaged: the convolution sees every mask pixel of a cell.
        x = self.mix([features, space_to_depth(masks, self.stride)])
        return self.to_cell(x), self.to_hidden(x)


def _state_head(filters: int, policy: Any, name: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(filters, 1, activation="relu", dtype=policy, name=name)
