"""Confidence: the J that a predicted mask can be expected to have."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.resolution import space_to_depth
from ytvos_keras.layers.types import Tensor

_EPSILON = 1e-3


class Confidence(keras.layers.Layer):
    """Predicts the region similarity J of each object's mask from its own probabilities.

    Not in the paper. A logistic regression of four figures of the mask: its area, the area in
    doubt, and how doubtful and how certain the object is. More inputs, such as the hidden state,
    fit the training clips better and held-out videos worse. It sends no gradient to the model.

    Args:
        stride: Side in pixels of the cells over which probabilities are averaged first.

    Call arguments:
        logits: The mask's logits at full resolution, `(B, H, W, 1)`.

    Output shape:
        `(B, 1)`: float32 logits of the expected J.
    """

    def __init__(self, stride: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.stride = stride
        self.to_logit = keras.layers.Dense(1, dtype="float32", name="to_logit")

    def call(self, logits: Tensor) -> Tensor:
        return self.to_logit(self.summarize(logits))

    def summarize(self, logits: Tensor) -> Tensor:
        """What the regression sees: `(B, 4)`."""
        pixels = ops.sigmoid(space_to_depth(ops.stop_gradient(logits), self.stride))
        mask = ops.mean(pixels, axis=-1)  # (B, h, w)
        doubt = ops.mean(4 * pixels * (1 - pixels), axis=-1)
        area, doubtful, certain = (ops.mean(x, axis=(1, 2)) for x in (mask, doubt, mask * mask))
        figures = [
            ops.log(area + _EPSILON),
            ops.log(doubtful + _EPSILON),
            doubtful / (area + _EPSILON),
            certain / (area + _EPSILON),
        ]
        return ops.stack(figures, axis=-1)
