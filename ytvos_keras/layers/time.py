"""Run a function over the time axis of a clip: all frames at once, or sequentially."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


def fold_time(function: Callable, sequence: Any) -> Any:
    """Apply `function` to all frames at once, with time folded into the batch.

    `keras.layers.TimeDistributed` vectorizes through `pfor`, which does not survive ONNX export.

    Args:
        function: Maps a tree of `(B·T, …)` tensors to another.
        sequence: A tensor or a tree of tensors `(B, T, …)`.

    Returns:
        The result of `function` with its first axis unfolded to `(B, T, …)`.
    """
    first = keras.tree.flatten(sequence)[0]
    # B and T are the same for all tensors of the tree.
    batch, time = ops.shape(first)[:2]
    folded = keras.tree.map_structure(lambda x: ops.reshape(x, (-1, *ops.shape(x)[2:])), sequence)
    return keras.tree.map_structure(
        lambda x: ops.reshape(x, (batch, time, *ops.shape(x)[1:])), function(folded)
    )


def recur(step: Callable, state: Any, sequence: Any) -> tuple[Any, Any]:
    """Run `step` over the frames of a clip, one after the other.

    A clip of known length is unrolled, which trains faster; otherwise a loop is used.

    Args:
        step: Maps `(state, frame, t)` to `(state, output)`; t counts the steps from 0, as a Python
            number if the step is unrolled, otherwise a tensor.
        state: A tree of tensors.
        sequence: A tensor or a tree of tensors `(B, T, …)`.

    Returns:
        The last state, and the outputs (one tensor per step) stacked to `(B, T, …)`.
    """
    lengths = {x.shape[1] for x in keras.tree.flatten(sequence)}
    return _loop(step, state, sequence) if None in lengths else _unroll(step, state, sequence)


def recur_recomputing(
    step: Callable, state: Any, sequence: Any, variables: Sequence[keras.Variable]
) -> Any:
    """Like `recur`, but recomputes activations for the gradient instead of keeping them.

    Only the states are kept for all steps, and steps are recomputed one at a time: training memory
    hardly grows with the length of the clip. `keras.RematScope` would recompute all frames at once.

    Args:
        step: Maps `(state, frame)` to `(state, output)`.
        state: A tree of floating-point tensors.
        sequence: As for `recur`. It gets no gradient.
        variables: All variables that the step reads.

    Returns:
        The outputs, as `recur`.
    """
    trained = [v for v in variables if v.trainable]
    frozen = [(v, tf.convert_to_tensor(v.value)) for v in variables if not v.trainable]

    def step_with(values, state, frame):
        with keras.StatelessScope([*zip(trained, values, strict=True), *frozen]):
            return step(state, frame)

    @tf.custom_gradient
    def run(values, state):
        def step_and_keep(before, frame, _):
            # The state before each step is all that its gradient needs.
            after, output = step_with(values, before, frame)
            return after, {"output": output, "before": before}

        # A loop even if the length is known, so that only one step's activations are in memory.
        _, kept = _loop(step_and_keep, state, sequence)

        def gradient(to_outputs):
            steps = {"frame": sequence, "before": kept["before"], "to_output": to_outputs}
            return _recur_back(step_with, values, state, steps)

        return kept["output"], gradient

    return run([tf.convert_to_tensor(v.value) for v in trained], state)


def _recur_back(step, values, state, steps):
    """Gradients of the variables and of the first state, computed backward from the last step."""

    def step_back(gradients, this, _):
        with tf.GradientTape() as tape:
            inputs = keras.tree.map_structure(tf.identity, (values, this["before"]))
            tape.watch(inputs)
            # Recompute (state, output), this time recording activations on the tape.
            results = step(*inputs, this["frame"])
        # A variable or a state entry that a step does not read has gradient 0.
        to_values, to_before = tape.gradient(
            results, inputs, (gradients["state"], this["to_output"]), unconnected_gradients="zero"
        )
        sums = [a + b for a, b in zip(gradients["values"], to_values, strict=True)]
        return {"values": sums, "state": to_before}, ()

    # The gradient of the state after the last frame is 0, as that state is not returned.
    zeros = keras.tree.map_structure(ops.zeros_like, {"values": values, "state": state})
    backwards = keras.tree.map_structure(lambda x: ops.flip(x, axis=1), steps)
    gradients, _ = _loop(step_back, zeros, backwards)
    return gradients["values"], gradients["state"]


def _unroll(step, state, sequence):
    # Not x[:, t]: the gradient of each slice would be a full-size tensor, mostly zeros.
    frames = [ops.unstack(x, axis=1) for x in keras.tree.flatten(sequence)]
    outputs = []
    for t, frame in enumerate(zip(*frames, strict=True)):
        state, output = step(state, keras.tree.pack_sequence_as(sequence, frame), t)
        outputs.append(output)
    return state, ops.stack(outputs, axis=1)


def _loop(step, state, sequence):
    # Not ops.scan: with TensorFlow, its outputs must have the same structure as its state.
    flat = [_swap_batch_and_time(x) for x in keras.tree.flatten(sequence)]
    length = tf.shape(flat[0])[0]
    # Time first: an element is a frame of the whole batch.
    frames = [tf.TensorArray(x.dtype, length).unstack(x) for x in flat]

    def run(t, state):
        frame = keras.tree.pack_sequence_as(sequence, [x.read(t) for x in frames])
        return step(state, frame, t)

    state, first = run(0, state)  # outside the loop, which needs the structure of an output
    arrays = [
        # With element_shape, so that the stack has the static channel count later layers need.
        tf.TensorArray(x.dtype, length, element_shape=x.shape).write(0, x)
        for x in keras.tree.flatten(first)
    ]

    def body(t, state, arrays):
        state, output = run(t, state)
        outputs = keras.tree.flatten(output)
        return t + 1, state, [a.write(t, x) for a, x in zip(arrays, outputs, strict=True)]

    # Sequentially: memory of steps that run in parallel would add up.
    _, state, arrays = tf.while_loop(
        lambda t, *_: t < length, body, (1, state, arrays), parallel_iterations=1
    )
    outputs = [_swap_batch_and_time(a.stack()) for a in arrays]
    return state, keras.tree.pack_sequence_as(first, outputs)


def _swap_batch_and_time(x):
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))
