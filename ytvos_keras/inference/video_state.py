"""The state of a video in a Segmenter."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ytvos_keras.inference.frame_probabilities import FrameProbabilities


@dataclasses.dataclass(frozen=True)
class VideoState:
    """An immutable state: changes create a new one, so an interruption cannot leave it half done.

    Attributes:
        frame_size: (height, width) of the frames, None before the first.
        frame_count: frames seen.
        object_ids: ids of the objects, in the order of the rows of `tensors`.
        tensors: the model's state, with the objects as first dimension; empty without objects.
        pending: (id, mask) of objects that start, or are corrected, in the next frame; masks uint8
            0/1 (H, W).
        learned: weights from online learning; empty for those of the model.
        probabilities: those of the latest frame, not saved with the state; None without objects.
    """

    frame_size: tuple[int, int] | None = None
    frame_count: int = 0
    object_ids: tuple[int, ...] = ()
    tensors: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    pending: tuple[tuple[int, np.ndarray], ...] = ()
    learned: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    probabilities: FrameProbabilities | None = None

    def with_mask(self, object_id: int, mask: np.ndarray) -> "VideoState":
        """Return the state with an object's mask for the next frame added."""
        # A second mask for the same object replaces the first, and is drawn on top.
        pending = tuple((i, earlier) for i, earlier in self.pending if i != object_id)
        return dataclasses.replace(self, pending=(*pending, (object_id, mask)))

    @property
    def confidence(self) -> dict[int, float]:
        """The expected J of each object's mask in the latest frame, 0–1."""
        if "confidence" not in self.tensors:
            return {}
        expected = np.ravel(self.tensors["confidence"]).tolist()
        return dict(zip(self.object_ids, expected, strict=True))

    def without(self, object_id: int) -> "VideoState":
        """Return the state without an object."""
        rows = [row for row, i in enumerate(self.object_ids) if i != object_id]
        tensors = self.tensors
        if len(rows) < len(self.object_ids):
            # Without rows, as before the first object: no tensors.
            tensors = {k: tf.gather(t, rows) for k, t in tensors.items()} if rows else {}
        return dataclasses.replace(
            self,
            object_ids=tuple(self.object_ids[row] for row in rows),
            tensors=tensors,
            pending=tuple((i, mask) for i, mask in self.pending if i != object_id),
        )
