"""Training losses on logits, in float32, with one value per frame and object.

`sample_weight` is `(B, T − 1)` for clips of one object, `(B, T − 1, N)` for clips of N objects. A
frame with weight 0 contributes neither to the sum nor to the count, so a clip may contain frames
without annotation, and fewer than N objects.
"""

import keras
from keras import ops

__all__ = ["FrameLoss", "LiteLoss", "MaskCrossentropy"]


class FrameLoss(keras.losses.Loss):
    """Base class of losses with one value per frame and object.

    Subclasses define `frame_loss(y_true, logits)` on float32 `(B, T − 1, H, W, N)` tensors, which
    returns `(B, T − 1, N)`.
    """

    def __init__(self, name: str | None = None):
        # Divides by the sum of the weights: the mean over annotated frames only.
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")

    def get_config(self):
        return {"name": self.name}

    def call(self, y_true, y_pred):
        return self.frame_loss(ops.cast(y_true, "float32"), ops.cast(y_pred, "float32"))

    def frame_loss(self, y_true, logits):
        raise NotImplementedError


@keras.saving.register_keras_serializable("ytvos_keras")
class MaskCrossentropy(FrameLoss):
    """Binary cross-entropy, averaged over the pixels of a frame (equation 5 of the paper).

    Equation 5 has a sign error: its second term must be negative too.

    Call arguments:
        y_true: `(B, T − 1, H, W, N)`, masks in {0, 1}.
        y_pred: logits of the same shape.
        sample_weight: `(B, T − 1)`, or `(B, T − 1, N)` for N > 1 objects; 0 excludes a frame.

    Example:
        >>> model.compile("adam", MaskCrossentropy(), weighted_metrics=[MeanJ()])
    """

    def frame_loss(self, y_true, logits):
        return ops.mean(_crossentropy(y_true, logits), axis=(2, 3))


@keras.saving.register_keras_serializable("ytvos_keras")
class LiteLoss(FrameLoss):
    """The loss of `s2s-lite`: cross-entropy + 0.3 · hardest-pixel cross-entropy + (1 − soft J).

    Not in the paper. The second term averages over the hardest eighth of the pixels, which lie
    along contours and on look-alikes; the soft Jaccard index gives small objects the same weight
    as large ones.

    Call arguments:
        y_true: `(B, T − 1, H, W, N)`, masks in {0, 1}. H and W must be static.
        y_pred: logits of the same shape.
        sample_weight: `(B, T − 1)`, or `(B, T − 1, N)` for N > 1 objects; 0 excludes a frame.

    Example:
        >>> model.compile("adam", LiteLoss(), weighted_metrics=[MeanJ()])
    """

    hard_weight = 0.3
    hard_fraction = 1 / 8

    def frame_loss(self, y_true, logits):
        axes = (2, 3)
        pixels = _crossentropy(y_true, logits)
        by_object = ops.transpose(pixels, (0, 1, 4, 2, 3))
        # (B · (T − 1) · N, H · W)
        flat = ops.reshape(by_object, (-1, pixels.shape[2] * pixels.shape[3]))
        # The k of top_k is static: H and W must be known.
        count = int(flat.shape[1] * self.hard_fraction)
        # Per object and frame: over the whole batch, one hard frame could supply all the pixels.
        hardest = ops.top_k(flat, count, sorted=False)[0]
        hard = ops.reshape(ops.mean(hardest, axis=-1), ops.shape(by_object)[:3])
        probabilities = ops.sigmoid(logits)
        intersection = ops.sum(probabilities * y_true, axis=axes)
        union = ops.sum(probabilities + y_true, axis=axes) - intersection
        soft_j = (intersection + 1) / (union + 1)  # + 1 pixel avoids 0 ÷ 0 in empty frames
        return ops.mean(pixels, axis=axes) + self.hard_weight * hard + (1 - soft_j)


LOSSES = {"cross-entropy": MaskCrossentropy, "lite": LiteLoss}
"""Loss classes, by the names used in recipes and in the settings of online learning."""


def _crossentropy(y_true, logits):
    """Binary cross-entropy of each pixel, in a numerically stable form."""
    # −y log σ(x) − (1 − y) log(1 − σ(x)) = max(x, 0) − x · y + log(1 + e^−|x|).
    return ops.relu(logits) - logits * y_true + ops.log1p(ops.exp(-ops.abs(logits)))
