"""The model's per-frame methods as compiled functions."""

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ytvos_keras.inference.merge import merge_probabilities

Tensors = dict[str, tf.Tensor]


class FrameFunctions:
    """`encode`, `initialize`, `correct` and `advance` of a model at one working size.

    Each is a `tf.function` whose signature leaves the number of objects and the native size free,
    so all frames and any number of objects share one trace. Gradients are never recorded, even
    inside the caller's `GradientTape`. The model's methods are traced without AutoGraph: control
    flow that depends on a tensor needs `ops.where`, `ops.cond` or `ops.while_loop`.

    Args:
        model: an `S2S`, or anything with its `encode`, `initialize`, `correct` and `step_features`.
        size: working (height, width), in pixels.
    """

    def __init__(self, model, size: tuple[int, int]):
        self.model = model
        self.size: tuple[int, int] = (size[0], size[1])
        self._compiled: dict[str, Callable[..., Any]] = {}

    def encode(self, frame: np.ndarray) -> Tensors:
        """Features of a frame, uint8 (h, w, 3) at the working size."""
        return self._run("encode", self.model.encode, tf.constant(frame[None]))

    def initialize(self, frame: np.ndarray, masks: np.ndarray, features: Tensors) -> Tensors:
        """Create the state of new objects from masks (N, h, w), uint8 0/1 or float trimaps."""
        inputs = tf.constant(frame[None]), tf.constant(masks[..., None], tf.float32), features
        # The features of one frame are shared by any number of masks.
        return self._run("initialize", self.model.initialize, *inputs, of_objects=(1,))

    def correct(
        self, frame: np.ndarray, masks: np.ndarray, state: Mapping[str, Any], features: Tensors
    ) -> Tensors:
        """Correct the state of objects with their masks in this frame, uint8 0/1 (N, h, w)."""
        masks = tf.constant(masks[..., None], tf.float32)
        inputs = tf.constant(frame[None]), masks, state, features
        return self._run("correct", self.model.correct, *inputs, of_objects=(1, 2))

    def advance(
        self, features: Tensors, state: Mapping[str, Any], native_size: tuple[int, int]
    ) -> tuple[np.ndarray, tf.Tensor, Tensors]:
        """Segment a frame.

        Returns:
            labels: uint8 (H, W), 0 or 1 … K in the order of the state.
            probabilities: float32 (K, h, w, 1) at the working size, 0–1.
            state: the next state.
        """
        # The native size is an input, so videos of different sizes share the trace.
        inputs = features, state, tf.constant(native_size, tf.int32)
        labels, probabilities, after = self._run(
            "advance", self._step_and_merge, *inputs, of_objects=(1,)
        )
        return labels.numpy(), probabilities, after

    def _step_and_merge(self, features: Tensors, state: Mapping[str, Any], native_size: tf.Tensor):
        probabilities, state = self.model.step_features(features, state)
        height, width = self.size  # without the model's padding to its stride
        probabilities = probabilities[:, :height, :width]
        return merge_probabilities(probabilities, native_size), probabilities, state

    def _run(
        self, name: str, method: Callable, *inputs: Any, of_objects: Collection[int] = ()
    ) -> Any:
        """Call a method, compiled on first use for the shapes of these inputs.

        Inputs at the positions `of_objects` have one row per object, of any number.
        """
        # Only on first use: a video without corrections does not pay for `correct`.
        if name not in self._compiled:
            signature = [_specs(x, free_rows=n in of_objects) for n, x in enumerate(inputs)]
            # TensorFlow counts traces per code object, and would warn about retracing in a batch
            # with videos of five sizes. A partial has no code object, so it is counted separately.
            # AutoGraph would rewrite the source of every layer, which takes as long as tracing it.
            self._compiled[name] = tf.function(
                functools.partial(method), input_signature=signature, autograph=False
            )
        with tf.init_scope():  # the only documented way to pause the caller's tapes
            return self._compiled[name](*inputs)


def _specs(tensors: Any, free_rows: bool) -> Any:
    def spec(x):
        return tf.TensorSpec([None if free_rows else x.shape[0], *x.shape[1:]], x.dtype)

    return tf.nest.map_structure(spec, tensors)
