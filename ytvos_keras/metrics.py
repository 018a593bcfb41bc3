"""Keras metrics for use during training."""

import keras
from keras import ops

__all__ = ["MeanJ"]


@keras.saving.register_keras_serializable("ytvos_keras")
class MeanJ(keras.metrics.Mean):
    """Mean region similarity J over frames and objects, from logits.

    J = |M ∩ G| ÷ |M ∪ G|, or 1 where both are empty. Frames with weight 0 are ignored.

    Call arguments:
        y_true: `(B, T − 1, H, W, N)`, masks in {0, 1}.
        y_pred: `(B, T − 1, H, W, N)`, logits; above 0 is object.
        sample_weight: `(B, T − 1)`, or `(B, T − 1, N)` for more than one object.
    """

    def __init__(self, name="J", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        # A logit above 0 is a probability above 0.5.
        truth, mask = ops.cast(y_true, "bool"), y_pred > 0
        axes = (2, 3)
        intersection = ops.sum(ops.cast(truth & mask, "float32"), axis=axes)
        union = ops.sum(ops.cast(truth | mask, "float32"), axis=axes)
        # The maximum avoids 0 ÷ 0 in the branch that is not taken.
        j = ops.where(union > 0, intersection / ops.maximum(union, 1), 1.0)
        if sample_weight is not None:
            weight = ops.cast(sample_weight, "float32")
            weight = weight if len(weight.shape) == len(j.shape) else weight[..., None]
            sample_weight = ops.reshape(ops.broadcast_to(weight, ops.shape(j)), (-1,))
        # Flat, since Keras would first average over the frames of each clip: those of short clips
        # would count more.
        return super().update_state(ops.reshape(j, (-1,)), sample_weight=sample_weight)
