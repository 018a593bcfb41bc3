"""Confidence: the expected J of a predicted mask."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.composite import Composite
from ytvos_keras.layers.resolution import space_to_depth
from ytvos_keras.layers.types import Tensor

LOST = 0.5
"""Expected J below which an object is probably lost."""

_EPSILON = 1e-3  # fraction of the frame; keeps logarithms and ratios of empty masks finite


class Confidence(Composite):
    """Predict the region similarity J of each object's mask from its probabilities.

    Not in the paper. A logistic regression on four features of the mask: its area, its uncertain
    area, and the ratios of uncertainty and certainty to the area. More inputs, such as the hidden
    state, overfit the training clips. No gradient flows into the model.

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
        # Zeros: 0.5 for every mask until it is fitted.
        self.to_logit = keras.layers.Dense(
            1, kernel_initializer="zeros", dtype="float32", name="to_logit"
        )

    def call(self, logits: Tensor) -> Tensor:
        return self.to_logit(self.summarize(logits))

    def summarize(self, logits: Tensor) -> Tensor:
        """Compute the inputs of the regression: `(B, 4)`."""
        # (B, h, w, stride²)
        pixels = ops.sigmoid(space_to_depth(ops.stop_gradient(logits), self.stride))
        mask = ops.mean(pixels, axis=-1)  # (B, h, w)
        doubt = ops.mean(4 * pixels * (1 - pixels), axis=-1)  # 1 at a probability of 0.5
        area, doubtful, certain = (ops.mean(x, axis=(1, 2)) for x in (mask, doubt, mask * mask))
        figures = [
            ops.log(area + _EPSILON),
            ops.log(doubtful + _EPSILON),
            doubtful / (area + _EPSILON),
            # Mean p² ÷ mean p of the cells: 1 if every p is 0 or 1, less if some are in between.
            certain / (area + _EPSILON),
        ]
        return ops.stack(figures, axis=-1)
