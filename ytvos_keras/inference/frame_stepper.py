"""Segment one frame of a video."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.frame_functions import FrameFunctions
from ytvos_keras.inference.frame_probabilities import FrameProbabilities
from ytvos_keras.inference.merge import merge_probabilities
from ytvos_keras.inference.sizes import resize_frame, small_object_mask, working_size
from ytvos_keras.inference.video_state import VideoState

MAX_SIZES = 4  # working sizes for which compiled functions are kept

OnLearning = Callable[[int, int, float], None] | None
"""Called after every step of online learning with steps done, total steps, and the loss."""


class FrameStepper:
    """Segment single frames of any size. Stateless: video states are passed in and returned.

    The arguments are those of `Segmenter`.
    """

    def __init__(
        self,
        model,
        size: tuple[int, int] | None,
        online_learning: OnlineLearningConfig | None,
    ):
        self.learner = None
        if online_learning is not None:
            from ytvos_keras.inference.adaptation.learner import OnlineLearner

            self.learner = OnlineLearner(model, online_learning)
        # Online learning changes a copy; other Segmenters may share the model.
        self.model = self.learner.model if self.learner else model
        self.size = size
        self._functions: dict[tuple[int, int], FrameFunctions] = {}

    def step(
        self, frame: np.ndarray, video: VideoState, on_learning: OnLearning
    ) -> tuple[np.ndarray, VideoState]:
        """Segment a frame in a video that has objects.

        Args:
            frame: uint8 (H, W, 3), RGB.
            video: the state of the video; pending objects start in this frame.
            on_learning: see `OnLearning`.

        Returns:
            The label map, uint8 (H, W), and the state of the video after the frame.
        """
        native = frame.shape[:2]
        functions = self._functions_for(native)
        small = resize_frame(frame, functions.size)
        masks = [small_object_mask(mask, functions.size, i) for i, mask in video.pending]
        # Before encoding: the Encoder may be among the parts that learn.
        learned = self._learn(small, masks, video, on_learning)
        features = functions.encode(small)
        labels, maps, tensors = np.zeros(native, np.uint8), None, video.tensors
        if tensors:
            # All objects advance: `correct` starts from the state after the frame.
            rows, maps, tensors = functions.advance(features, tensors, native)
            labels = np.array([0, *video.object_ids], np.uint8)[rows]
        given = [(i, mask, small) for (i, mask), small in zip(video.pending, masks, strict=True)]
        ids = video.object_ids
        corrected = {i: small_mask for i, _, small_mask in given if i in ids}
        new = {i: small_mask for i, _, small_mask in given if i not in ids}
        beside: dict[int, np.ndarray] = {}
        if given and ids and self.model.config.sees_others:
            beside = _other_masks(maps, functions.size, ids, {**corrected, **new})
        # The rows of objects beside those that are given are only there to be seen.
        if corrected:
            shown = corrected | beside | new
            # Only the rows of corrected objects are kept; a new object has none.
            before = _rows(tensors, [ids.index(i) if i in ids else 0 for i in shown])
            after = functions.correct(small, np.stack([*shown.values()]), before, features)
            places = [ids.index(i) for i in corrected]
            tensors = _replace_rows(tensors, places, _rows(after, range(len(places))))
            # The given mask replaces the whole prediction of its object, which hides no others.
            labels = _merged(maps, native, ids, corrected)
        if new:
            shown = new | corrected | beside
            begun = functions.initialize(small, np.stack([*shown.values()]), features)
            begun = _rows(begun, range(len(new)))
            tensors = {k: tf.concat([tensors[k], begun[k]], 0) for k in begun} if ids else begun
        # As given, at native size, so that these masks are not limited by the working size.
        for object_id, mask, _ in given:
            labels[mask > 0] = object_id
        probabilities = FrameProbabilities(native, ids, maps, video.pending)
        return labels, VideoState(
            native,
            video.frame_count + 1,
            (*ids, *new),
            tensors,
            learned=learned,
            probabilities=probabilities,
        )

    def _learn(
        self, frame: np.ndarray, masks: list[np.ndarray], video: VideoState, on_learning: OnLearning
    ) -> Mapping[str, np.ndarray]:
        """Learn the objects of given masks, starting from the weights learned so far."""
        if self.learner is None:
            return {}
        learned = video.learned
        if masks:
            # The frame number is the seed, so that a resumed run learns the same.
            seed = video.frame_count
            learned = self.learner.learn(
                learned, frame, np.stack(masks), seed=seed, on_progress=on_learning
            )
        self.learner.apply(learned)
        return learned

    def size_for(self, native: tuple[int, int] | None) -> tuple[int, int]:
        """The working size for a native size; before the first frame, the model's nominal size."""
        expected = self.model.config.input_size
        return self.size or working_size(native or expected, expected, self.model.stride)

    def _functions_for(self, native: tuple[int, int]) -> FrameFunctions:
        size = self.size_for(native)
        if size not in self._functions:
            if len(self._functions) == MAX_SIZES:  # in a batch of many videos
                self._functions.pop(next(iter(self._functions)))  # the oldest
            self._functions[size] = FrameFunctions(self.model, size)
        return self._functions[size]


def _other_masks(
    probabilities: tf.Tensor,
    size: tuple[int, int],
    ids: Sequence[int],
    given: Mapping[int, np.ndarray],
) -> dict[int, np.ndarray]:
    """The predicted masks, uint8 (h, w) at the working size, of objects that are not given."""
    labels = _merged(probabilities, size, ids, given)
    labels[np.any([*given.values()], axis=0)] = 0
    return {i: (labels == i).astype(np.uint8) for i in ids if i not in given}


def _merged(
    probabilities: tf.Tensor,
    size: tuple[int, int],
    ids: Sequence[int],
    left_out: Collection[int],
) -> np.ndarray:
    """The label map, uint8 `size`, of all objects but some."""
    kept = [i for i in ids if i not in left_out]
    places = tf.constant([ids.index(i) for i in kept], tf.int32)
    rows = merge_probabilities(tf.gather(probabilities, places), size).numpy()
    return np.array([0, *kept], np.uint8)[rows]


def _rows(tensors: Mapping[str, tf.Tensor], rows: Sequence[int]) -> dict[str, tf.Tensor]:
    return {k: tf.gather(t, list(rows)) for k, t in tensors.items()}


def _replace_rows(tensors: Mapping[str, tf.Tensor], rows: list[int], new: Mapping[str, tf.Tensor]):
    indices = tf.constant(rows)[:, None]
    return {k: tf.tensor_scatter_nd_update(tensors[k], indices, new[k]) for k in tensors}
