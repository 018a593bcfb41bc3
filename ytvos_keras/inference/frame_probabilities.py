"""The probability of each object in one frame."""

import dataclasses
from collections.abc import Collection

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class FrameProbabilities:
    """Probabilities at the working size, resized on request.

    Attributes:
        size: native (height, width).
        ids: of the predicted objects.
        predicted: float32 (K, h, w, 1), 0–1, in the order of `ids`; None without objects.
        given: (id, mask) of the masks given for this frame, uint8 0/1 (H, W); later ones on top.
    """

    size: tuple[int, int]
    ids: tuple[int, ...]
    predicted: tf.Tensor | None
    given: tuple[tuple[int, np.ndarray], ...]

    def maps(self, ids: Collection[int]) -> dict[int, np.ndarray]:
        """Object id to probability, float32 (H, W), 0–1, for the objects that are in the frame."""
        given = dict(self.given)
        maps = {}
        for row, object_id in enumerate(self.ids):
            if object_id in ids and object_id not in given:
                assert self.predicted is not None  # there are ids
                resized = tf.image.resize(self.predicted[row], self.size)
                # Rounding in the interpolation may go slightly outside 0–1.
                maps[object_id] = np.clip(resized[..., 0].numpy(), 0, 1)
        for object_id, mask in self.given:
            # A given mask is certain, so no other object can be there.
            for other in maps.values():
                other[mask > 0] = 0
            if object_id in ids:
                maps[object_id] = mask.astype(np.float32)
        return maps
