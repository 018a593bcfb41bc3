"""Initializer: the first frame and its mask to the first states (equation 1)."""

import keras

from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.resolution import space_to_depth


class Initializer(keras.layers.Layer):
    """The paper's Initializer: a backbone over frame and mask, and one 1×1 convolution a state.

    Args:
        backbone: A backbone with mask channel.
        filters: Channels of both states; 512 in the paper.

    Call arguments:
        frames: RGB in 0–255, sides multiples of 32.
        masks: The object's mask in 0–1.

    Input shape:
        `frames`: `(B, H, W, 3)`; `masks`: `(B, H, W, 1)`.

    Output shape:
        `(cell, hidden)`, in the order of equation 1: both `(B, H / 32, W / 32, filters)`.
    """

    def __init__(self, backbone: keras.layers.Layer, filters: int = 512, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.backbone = backbone
        self.to_cell = _state_head(filters, self.dtype_policy, "to_cell")
        self.to_hidden = _state_head(filters, self.dtype_policy, "to_hidden")

    def call(self, frames, masks):
        x = self.backbone(frames, masks)[32]
        return self.to_cell(x), self.to_hidden(x)


class FeatureInitializer(keras.layers.Layer):
    """The Initializer of `s2s-lite`: it reads the Encoder's features in place of a backbone.

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

    def __init__(self, filters: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride
        self.mix = JointConv(filters, 3, dtype=self.dtype_policy)
        self.to_cell = _state_head(filters, self.dtype_policy, "to_cell")
        self.to_hidden = _state_head(filters, self.dtype_policy, "to_hidden")

    def call(self, features, masks):
        x = self.mix([features, space_to_depth(masks, self.stride)])
        return self.to_cell(x), self.to_hidden(x)


def _state_head(filters, policy, name):
    return keras.layers.Conv2D(filters, 1, activation="relu", dtype=policy, name=name)
