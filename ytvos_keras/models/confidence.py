"""Confidence: the J that a predicted mask can be expected to have."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.resolution import space_to_depth
from ytvos_keras.layers.types import Tensor

_EPSILON = 1e-3


class Confidence(keras.layers.Layer):
    """Predicts the region similarity J of each object's mask from what led to it.

    Not in the paper. The hidden state is averaged over the mask and over its uncertain pixels;
    with a few figures of the mask itself, a small perceptron turns the averages into one number.
    It sends no gradient to the rest of the model.

    Args:
        filters: Units of the hidden layer.
        stride: Side in pixels of one cell of the hidden state.

    Call arguments:
        hidden: Hidden state of the ConvLSTM.
        logits: The mask's logits at full resolution.

    Input shape:
        `hidden`: `(B, h, w, channels)`; `logits`: `(B, h · stride, w · stride, 1)`.

    Output shape:
        `(B, 1)`: float32 logits of the expected J.
    """

    def __init__(self, filters: int, stride: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.stride = stride
        self.hidden = keras.layers.Dense(filters, activation="relu", dtype="float32")
        self.to_logit = keras.layers.Dense(1, dtype="float32")

    def call(self, hidden: Tensor, logits: Tensor) -> Tensor:
        return self.to_logit(self.hidden(self.summarize(hidden, logits)))

    def summarize(self, hidden: Tensor, logits: Tensor) -> Tensor:
        """What the perceptron sees: `(B, 2 · channels + 4)`."""
        hidden = ops.cast(ops.stop_gradient(hidden), "float32")
        pixels = ops.sigmoid(space_to_depth(ops.stop_gradient(logits), self.stride))
        mask = ops.mean(pixels, axis=-1, keepdims=True)
        doubt = ops.mean(4 * pixels * (1 - pixels), axis=-1, keepdims=True)
        weights = [mask, doubt, mask * mask]
        area, doubtful, certain = (ops.mean(x, axis=(1, 2)) for x in weights)
        averages = [
            ops.mean(hidden * weight, axis=(1, 2)) / (mean + _EPSILON)
            for weight, mean in ((mask, area), (doubt, doubtful))
        ]
        figures = [
            ops.log(area + _EPSILON),
            ops.log(doubtful + _EPSILON),
            doubtful / (area + _EPSILON),
            certain / (area + _EPSILON),
        ]
        return ops.concatenate([*averages, *figures], axis=-1)
