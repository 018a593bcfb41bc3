"""Fit the confidence head on the model's own predictions."""

from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ytvos_keras.models import S2S

_LEARNING_RATE = 1e-2


class ConfidenceExamples(NamedTuple):
    """Training data of the head: one row per object and annotated frame.

    Args:
        inputs: float32 (N, 4), from `Confidence.summarize`.
        region_similarity: float32 (N,), the J of the model's masks, 0–1.
    """

    inputs: np.ndarray
    region_similarity: np.ndarray


def collect_examples(model: S2S, clips: Iterable[tuple]) -> ConfidenceExamples:
    """Segment clips frame by frame, as at test time, and compare masks with the ground truth.

    Args:
        model: an `S2S` with `predict_confidence`.
        clips: `(inputs, targets, sample_weight)` batches, as from `make_dataset`; frames of weight
            0 are skipped.

    Returns:
        One row per object and annotated frame.

    Example:
        >>> clips = make_dataset("records", clip_length=20).take(200)
        >>> examples = collect_examples(model, clips)
    """
    step = tf.function(
        lambda frame, state: _step(model, frame, state), autograph=False, reduce_retracing=True
    )
    inputs, scores = [], []
    for clip, targets, weights in clips:
        # One by one, so that the model remembers its own predictions.
        frames = tf.unstack(clip["frames"], axis=1)
        state = model.initialize(frames[0], clip["mask"])
        for t, frame in enumerate(frames[1:]):
            x, masks, state = step(frame, state)
            annotated = np.array(weights[:, t]) > 0
            scores.append(_region_similarity(np.array(masks), np.array(targets[:, t]))[annotated])
            inputs.append(np.array(x)[annotated])
    return ConfidenceExamples(np.concatenate(inputs), np.concatenate(scores))


def fit_confidence(
    model: S2S, examples: ConfidenceExamples, *, epochs: int = 100, seed: int = 0
) -> list[float]:
    """Train the confidence head with cross-entropy against J.

    The head is changed in place, the rest of the model stays unchanged.

    Args:
        model: an `S2S` with `predict_confidence`.
        examples: from `collect_examples`.
        epochs: passes over the examples.
        seed: seed of the order of the examples.

    Returns:
        The mean cross-entropy of each epoch.

    Raises:
        ValueError: the model has no confidence head.

    Example:
        >>> losses = fit_confidence(model, collect_examples(model, clips))
        >>> model.save("with_confidence.keras")
    """
    head = model.confidence
    if head is None:
        raise ValueError("the model needs predict_confidence=True in its S2SConfig")
    head.trainable = True
    # Inputs differ in scale, so the head learns from normalized ones and then absorbs the scales.
    mean, deviation = examples.inputs.mean(0), examples.inputs.std(0) + 1e-3
    kernel, bias = head.to_logit.get_weights()
    # v · x + a = (v · d) · (x − m) ÷ d + a + m · v.
    head.to_logit.set_weights([kernel * deviation[:, None], bias + mean @ kernel])
    regression = keras.Sequential([head.to_logit])
    regression.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
        # J is a soft label in 0–1, so the head learns its expected value.
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    order = tf.data.Dataset.from_tensor_slices(
        ((examples.inputs - mean) / deviation, examples.region_similarity[:, None])
    ).shuffle(len(examples.inputs), seed=seed)
    history = regression.fit(order.batch(64), epochs=epochs, shuffle=False, verbose=0)
    kernel, bias = head.to_logit.get_weights()
    # w · (x − m) ÷ d + b = (w ÷ d) · x + (b − m · w ÷ d).
    kernel = kernel / deviation[:, None]
    head.to_logit.set_weights([kernel, bias - mean @ kernel])
    head.trainable = False
    return history.history["loss"]


def _step(model, frame, state):
    height, width = frame.shape[1:3]
    probabilities, state = model.step_features(model.encode(frame), state)
    # Back to logits, which `step_features` does not return; the last float32 below 1 is 1 − 6e-8.
    probabilities = ops.clip(probabilities, 1e-7, 1 - 1e-7)
    logits = ops.log(probabilities) - ops.log1p(-probabilities)
    x = model.confidence.summarize(logits)
    return x, probabilities[:, :height, :width] > 0.5, state


def _region_similarity(masks: np.ndarray, truths: np.ndarray) -> np.ndarray:
    truths = truths > 0.5
    intersection = (masks & truths).sum(axis=(1, 2, 3))
    union = (masks | truths).sum(axis=(1, 2, 3))
    return np.where(union > 0, intersection / np.maximum(union, 1), 1.0).astype(np.float32)
