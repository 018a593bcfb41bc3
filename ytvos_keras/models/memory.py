"""Memory of the first and of the previous frame, matched to every new frame."""

from collections.abc import Sequence

import keras
from keras import ops

from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.matching import Matching
from ytvos_keras.layers.resolution import space_to_depth


class Memory(keras.layers.Layer):
    """Keys and values of remembered frames, and what the ConvLSTM gets to see of them.

    Not in the paper; a departure of `s2s-lite`.

    Args:
        frames: Which frames are remembered: `("first",)` or `("first", "previous")`.
        value_filters: Channels of the values, besides the soft mask.
        filters: Channels of the output.
        stride: Side in pixels of one cell of the features.

    Call arguments:
        features: The Encoder's dict with `"features"` and `"key"`, batch B or 1.
        state: A dict with `"<frame>_key"` and `"<frame>_value"` of every remembered frame.

    Output shape:
        `(B, h, w, filters)`.
    """

    def __init__(
        self, frames: Sequence[str], value_filters: int, filters: int, stride: int, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)
        policy = self.dtype_policy
        self.frames = tuple(frames)
        self.stride = stride
        self.mix_value = JointConv(value_filters, 3, dtype=policy, name="mix_value")
        self.to_value = keras.layers.Conv2D(value_filters, 3, padding="same", dtype=policy)
        self.matching = {
            frame: Matching(local=frame == "previous", dtype=policy, name=f"match_{frame}")
            for frame in self.frames
        }
        self.mix = JointConv(filters, 3, dtype=policy, name="mix")

    def remember(self, frame: str, features: dict, masks) -> dict:
        """The entries of the state that hold a frame.

        Args:
            frame: `"first"` or `"previous"`.
            features: The Encoder's dict for that frame, batch B or 1.
            masks: `(B, H, W, 1)`, in 0–1, at full resolution.

        Returns:
            `{"<frame>_key": (B, h, w, K), "<frame>_value": (B, h, w, V + 1)}`, float32.
        """
        masks = space_to_depth(ops.cast(masks, "float32"), self.stride)
        value = self.to_value(self.mix_value([features["features"], masks]))
        soft_mask = ops.mean(masks, axis=-1, keepdims=True)
        value = ops.concatenate([ops.cast(value, "float32"), soft_mask], axis=-1)
        key = ops.cast(features["key"], "float32")
        key = ops.broadcast_to(key, (*ops.shape(value)[:3], key.shape[-1]))
        return {f"{frame}_key": key, f"{frame}_value": value}

    def call(self, features, state):
        read = [
            self.matching[frame](features["key"], state[f"{frame}_key"], state[f"{frame}_value"])
            for frame in self.frames
        ]
        return self.mix([features["features"], *read])
