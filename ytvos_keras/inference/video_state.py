"""State of a video in a Segmenter."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.inference.frame_probabilities import FrameProbabilities

_VERSION = 3
_TENSOR = "tensor:"
_LEARNED = "learned:"


@dataclasses.dataclass(frozen=True)
class VideoState:
    """Immutable; every change replaces it, so an interruption cannot leave it half updated.

    Attributes:
        frame_size: (height, width) of the frames, None before the first.
        frame_count: frames seen.
        object_ids: ids of the objects, in the order of the rows of `tensors`.
        tensors: the model's state, with the objects as first dimension; empty without objects.
        pending: (id, mask) of objects that start, or are corrected, in the next frame; masks uint8
            0/1 (H, W).
        learned: weights from online learning; empty for those of the model.
        probabilities: of the latest frame, not saved with the state; None without objects.
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
        # A second mask for the same object replaces the first, and lies on top.
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
            # Without rows it is the state before the first object: no tensors.
            tensors = {k: tf.gather(t, rows) for k, t in tensors.items()} if rows else {}
        return dataclasses.replace(
            self,
            object_ids=tuple(self.object_ids[row] for row in rows),
            tensors=tensors,
            pending=tuple((i, mask) for i, mask in self.pending if i != object_id),
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Convert to a flat dict of NumPy arrays for `np.savez`."""
        # .npz has no bfloat16; float32 holds its values exactly.
        half = [name for name, tensor in self.tensors.items() if tensor.dtype == tf.bfloat16]
        arrays = {
            "version": np.array(_VERSION),
            "frame_size": np.array(self.frame_size or (0, 0), np.int32),  # .npz has no None
            "frame_count": np.array(self.frame_count),
            "object_ids": np.array(self.object_ids, np.uint8),
            "pending_ids": np.array([object_id for object_id, _ in self.pending], np.uint8),
            "bfloat16": np.array(half, dtype=np.str_),
        }
        for number, (_, mask) in enumerate(self.pending):
            arrays[f"pending_mask:{number}"] = mask
        for name, weight in self.learned.items():
            arrays[_LEARNED + name] = weight
        for name, tensor in self.tensors.items():
            tensor = tf.cast(tensor, tf.float32) if name in half else tensor
            arrays[_TENSOR + name] = np.array(tensor)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "VideoState":
        """Convert back from `to_arrays`.

        Raises:
            InputError: the arrays are not from `to_arrays` of this version.
        """
        if "version" not in arrays or arrays["version"].tolist() != _VERSION:
            raise InputError(
                "this is not the state of a Segmenter of this version; begin the video again. "
                f"Received: entries {', '.join(sorted(arrays)) or 'none'}."
            )
        try:
            return cls._from_arrays(arrays)
        except (AttributeError, KeyError, OverflowError, ValueError, TypeError) as error:
            raise InputError(
                f"the state of a Segmenter is damaged; begin the video again. ({first_line(error)})"
            ) from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "VideoState":
        half = set(arrays["bfloat16"].tolist())
        object_ids = _wholes(arrays["object_ids"])
        tensors = {}
        for key in (key for key in arrays if key.startswith(_TENSOR)):
            name = key.removeprefix(_TENSOR)
            tensors[name] = tf.constant(arrays[key], tf.bfloat16 if name in half else None)
            if len(arrays[key]) != len(object_ids):
                raise ValueError(f"{name} has {len(arrays[key])} rows, not {len(object_ids)}")
        height, width = _wholes(arrays["frame_size"])
        pending_ids = _wholes(arrays["pending_ids"])
        learned = {k.removeprefix(_LEARNED): a for k, a in arrays.items() if k.startswith(_LEARNED)}
        return cls(
            frame_size=(height, width) if height else None,
            frame_count=int(arrays["frame_count"]),
            object_ids=object_ids,
            tensors=tensors,
            pending=tuple((i, arrays[f"pending_mask:{n}"]) for n, i in enumerate(pending_ids)),
            learned=learned,
        )


def _wholes(array: np.ndarray) -> tuple[int, ...]:
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{array.dtype} {array.shape} instead of a list of whole numbers")
    return tuple(array.tolist())
