"""Decoder: the hidden state to the mask's logits at full resolution (equation 4)."""

from collections.abc import Sequence
from typing import Any

import keras

from ytvos_keras.layers.composite import Composite
from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.narrow_conv import NarrowConv
from ytvos_keras.layers.resolution import depth_to_space
from ytvos_keras.layers.types import Tensor


class Decoder(Composite):
    """The paper's Decoder: upsampling layers with 5×5 kernels, then one 5×5 filter.

    An upsampling layer is a transposed convolution of stride 2 with ReLU. The sigmoid of section
    4.3 is left to the loss and to `S2S.step`, which compute it in float32.

    Args:
        filters: Channels after each upsampling; 512, 256, 128, 64, 64 in the paper.

    Call arguments:
        hidden: The hidden state of the ConvLSTM.

    Input shape:
        `(B, h, w, channels)`.

    Output shape:
        `(B, h · 2ⁿ, w · 2ⁿ, 1)` for n upsampling layers, float32 logits.
    """

    def __init__(self, filters: Sequence[int] = (512, 256, 128, 64, 64), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upsampling = [
            keras.layers.Conv2DTranspose(
                n, 5, strides=2, padding="same", activation="relu", dtype=self.dtype_policy
            )
            for n in filters
        ]
        # "One 5×5 filter" (section 4.3), which Conv2D computes slowly on a CPU.
        self.to_logits = NarrowConv(1, 5, dtype=self.dtype_policy, name="to_logits")

    def call(self, hidden: Tensor) -> Tensor:
        x = hidden
        for layer in self.upsampling:
            x = layer(x)
        # Cast before the sigmoid and the loss: half precision saturates.
        return keras.ops.cast(self.to_logits(x), "float32")


class SkipDecoder(Composite):
    """The Decoder of `s2s-lite`, with skip connections from the backbone at stride 4 and 2.

    Args:
        filters: Channels at stride 8, 4 and 2.

    Call arguments:
        hidden: The hidden state of the ConvLSTM at stride 8.
        skip_4, skip_2: The backbone's maps at stride 4 and 2; all objects may share a batch of 1.

    Input shape:
        `hidden`: `(B, h, w, channels)`; `skip_4`: `(B or 1, 2h, 2w, …)`; `skip_2`:
        `(B or 1, 4h, 4w, …)`.

    Output shape:
        `(B, 8h, 8w, 1)`, float32 logits.
    """

    def __init__(self, filters: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at_8, at_4, at_2 = filters
        policy = self.dtype_policy
        self.at_8 = JointConv(at_8, dtype=policy, name="at_8")
        self.at_4 = JointConv(at_4, upsampled=0, dtype=policy, name="at_4")
        self.at_2 = JointConv(at_2, upsampled=0, dtype=policy, name="at_2")
        # Four logits per cell at stride 2, one for each of its pixels.
        self.to_logits = NarrowConv(4, 3, dtype=policy, name="to_logits")

    def call(self, hidden: Tensor, skip_4: Tensor, skip_2: Tensor) -> Tensor:
        x = self.at_8([hidden])
        x = self.at_4([x, skip_4])
        x = self.at_2([x, skip_2])
        return keras.ops.cast(depth_to_space(self.to_logits(x), 2), "float32")
