"""Compiled functions of the model for one frame, traced once."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ytvos_keras.inference.merge import merge_probabilities

Tensors = dict[str, tf.Tensor]


class FrameFunctions:
    """`encode`, `initialize`, `correct` and `advance` of a model at one working size.

    Each is a `tf.function` whose signature leaves the number of objects and the native size free,
    so one trace serves all frames and any number of objects. Gradients are never recorded, even
    inside the caller's `GradientTape`. The model's methods are traced without AutoGraph: where they
    depend on a tensor, they must use `ops.where`, `ops.cond` or `ops.while_loop`.

    Args:
        model: an `S2S`, or anything with its `encode`, `initialize`, `correct` and `step_features`.
        size: working (height, width), in pixels.
    """

    def __init__(self, model, size: tuple[int, int]):
        self.model = model
        self.size: tuple[int, int] = (size[0], size[1])
        # Traced on first use: a video without corrections does not pay for `correct`.
        self._encode: Callable[..., Any] | None = None
        self._initialize: Callable[..., Any] | None = None
        self._correct: Callable[..., Any] | None = None
        self._advance: Callable[..., Any] | None = None

    def encode(self, frame: np.ndarray) -> Tensors:
        """Features of a frame, uint8 (h, w, 3) at the working size."""
        if self._encode is None:
            frame_spec = tf.TensorSpec((1, *self.size, 3), tf.uint8)
            self._encode = _compiled(self.model.encode, [frame_spec])
        return _without_gradients(self._encode, tf.constant(frame[None]))

    def initialize(self, frame: np.ndarray, masks: np.ndarray, features: Tensors) -> Tensors:
        """Create the state of new objects from their masks, uint8 0/1 (N, h, w)."""
        inputs = tf.constant(frame[None]), tf.constant(masks[..., None], tf.float32), features
        if self._initialize is None:
            frame_spec = tf.TensorSpec((1, *self.size, 3), tf.uint8)
            mask_spec = tf.TensorSpec((None, *self.size, 1), tf.float32)
            # Features of one frame serve any number of masks.
            signature = [frame_spec, mask_spec, _specs(features)]
            self._initialize = _compiled(self.model.initialize, signature)
        return _without_gradients(self._initialize, *inputs)

    def correct(
        self, frame: np.ndarray, masks: np.ndarray, state: Mapping[str, Any], features: Tensors
    ) -> Tensors:
        """Correct the state of objects by their masks in this frame, uint8 0/1 (N, h, w)."""
        if self._correct is None:
            frame_spec = tf.TensorSpec((1, *self.size, 3), tf.uint8)
            mask_spec = tf.TensorSpec((None, *self.size, 1), tf.float32)
            signature = [frame_spec, mask_spec, _specs(state, free_rows=True), _specs(features)]
            self._correct = _compiled(self.model.correct, signature)
        masks = tf.constant(masks[..., None], tf.float32)
        return _without_gradients(self._correct, tf.constant(frame[None]), masks, state, features)

    def advance(
        self, features: Tensors, state: Mapping[str, Any], native_size: tuple[int, int]
    ) -> tuple[np.ndarray, tf.Tensor, Tensors]:
        """Segment a frame.

        Returns:
            labels: uint8 (H, W), 0 or 1 … K in the order of the state.
            probabilities: float32 (K, h, w, 1) at the working size, 0–1.
            state: the next one.
        """
        if self._advance is None:
            size_spec = tf.TensorSpec((2,), tf.int32)
            # The native size is an input, so videos of different sizes share the trace.
            signature = [_specs(features), _specs(state, free_rows=True), size_spec]
            self._advance = _compiled(self._step_and_merge, signature)
        size = tf.constant(native_size, tf.int32)
        labels, probabilities, after = _without_gradients(self._advance, features, state, size)
        return labels.numpy(), probabilities, after

    def _step_and_merge(self, features: Tensors, state: Mapping[str, Any], native_size: tf.Tensor):
        probabilities, state = self.model.step_features(features, state)
        height, width = self.size  # without the model's padding to its stride
        probabilities = probabilities[:, :height, :width]
        return merge_probabilities(probabilities, native_size), probabilities, state


def _compiled(method: Callable, signature: list) -> Callable:
    # TensorFlow counts traces per code object, and would warn of retracing in a batch with videos
    # of five sizes. A partial has no code object, so it is counted separately.
    # AutoGraph would rewrite the source of every layer, which takes as long as tracing them.
    return tf.function(functools.partial(method), input_signature=signature, autograph=False)


def _specs(tensors: Mapping[str, Any], free_rows: bool = False) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec(
            [None if free_rows else tensor.shape[0], *tensor.shape[1:]], tensor.dtype
        )
        for name, tensor in tensors.items()
    }


def _without_gradients(function: Callable, *inputs):
    with tf.init_scope():  # the only documented way to pause the caller's tapes
        return function(*inputs)
