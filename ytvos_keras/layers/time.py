"""The two ways of running something over the time axis of a clip."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops


def fold_time(function: Callable, sequence):
    """Applies `function` to all frames at once, with time folded into the batch.

    `keras.layers.TimeDistributed` vectorises through `pfor`, which does not survive ONNX export.

    Args:
        function: Maps `(B·T, …)` tensors (or a tree of them) to the like.
        sequence: A tensor or a tree of tensors `(B, T, …)`.

    Returns:
        The result of `function` with its first axis unfolded to `(B, T, …)`.
    """
    first = keras.tree.flatten(sequence)[0]
    batch, time = ops.shape(first)[:2]
    folded = keras.tree.map_structure(lambda x: ops.reshape(x, (-1, *ops.shape(x)[2:])), sequence)
    return keras.tree.map_structure(
        lambda x: ops.reshape(x, (batch, time, *ops.shape(x)[1:])), function(folded)
    )


def recur(step: Callable, state, sequence):
    """Runs `step` over the frames of a clip, one after the other.

    A clip of known length is unrolled, which trains faster; one of unknown length is a loop.

    Args:
        step: Maps `(state, frame)` to `(state, output)`.
        state: A tree of tensors.
        sequence: A tensor or a tree of tensors `(B, T, …)`.

    Returns:
        The last state, and the outputs (one tensor a step) stacked to `(B, T, …)`.
    """
    lengths = {x.shape[1] for x in keras.tree.flatten(sequence)}
    return _loop(step, state, sequence) if None in lengths else _unroll(step, state, sequence)


def _unroll(step, state, sequence):
    # Not x[:, t]: the gradient of a slice is a full-size tensor of zeros for every step.
    frames = [ops.unstack(x, axis=1) for x in keras.tree.flatten(sequence)]
    outputs = []
    for frame in zip(*frames, strict=True):
        state, output = step(state, keras.tree.pack_sequence_as(sequence, frame))
        outputs.append(output)
    return state, ops.stack(outputs, axis=1)


def _loop(step, state, sequence):
    # Not ops.scan: with TensorFlow its outputs must have the structure of its state.
    flat = [_swap_batch_and_time(x) for x in keras.tree.flatten(sequence)]
    length = tf.shape(flat[0])[0]
    frames = [tf.TensorArray(x.dtype, length).unstack(x) for x in flat]

    def run(t, state):
        return step(state, keras.tree.pack_sequence_as(sequence, [x.read(t) for x in frames]))

    state, first = run(0, state)  # outside the loop, which must know what an output looks like
    outputs = tf.TensorArray(first.dtype, length, element_shape=first.shape).write(0, first)

    def body(t, state, outputs):
        state, output = run(t, state)
        return t + 1, state, outputs.write(t, output)

    _, state, outputs = tf.while_loop(lambda t, *_: t < length, body, (1, state, outputs))
    return state, _swap_batch_and_time(outputs.stack())


def _swap_batch_and_time(x):
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))
