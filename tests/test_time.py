import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers.time import fold_time, recur, recur_recomputing


def running_sum(state, frame, t):
    state = {"sum": state["sum"] + frame["a"] * frame["b"]}
    return state, 2 * state["sum"] + ops.cast(t, "float32")


def clip():
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=(2, 4, 3)).astype("float32") for name in "ab"}


def test_recur_over_nested_structures():
    sequence = {name: ops.convert_to_tensor(x) for name, x in clip().items()}
    state, outputs = recur(running_sum, {"sum": ops.zeros((2, 3))}, sequence)
    sums = np.cumsum(clip()["a"] * clip()["b"], axis=1)
    steps = np.arange(4)[:, None]
    np.testing.assert_allclose(outputs, 2 * sums + steps, atol=1e-6)
    np.testing.assert_allclose(state["sum"], sums[:, -1], atol=1e-6)


@pytest.mark.parametrize("length", [1, 4])
def test_recur_of_unknown_length_has_the_same_outputs_and_gradient(length):
    def total(sequence):
        state = {"sum": tf.zeros((2, 3))}
        with tf.GradientTape() as tape:
            tape.watch(sequence)
            outputs = recur(running_sum, state, sequence)[1]
            loss = tf.reduce_sum(outputs**2)
        return outputs, tape.gradient(loss, sequence)

    sequence = {name: tf.constant(x[:, :length]) for name, x in clip().items()}
    unknown = {name: tf.TensorSpec((None, None, 3), tf.float32) for name in "ab"}
    looped = tf.function(total, input_signature=[unknown])(sequence)
    unrolled = total(sequence)
    for mine, expected in zip(tf.nest.flatten(looped), tf.nest.flatten(unrolled), strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-5)


@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("compiled", [True, False])
def test_recur_recomputing_has_the_same_outputs_and_gradients(length, compiled):
    weight, frozen, unused = (keras.Variable(x, dtype="float32") for x in (0.7, 1.3, 5.0))
    frozen.trainable = False
    sequence = {name: tf.constant(x[:, :length]) for name, x in clip().items()}

    def step(state, frame, *_):
        state = {"sum": weight * state["sum"] * frame["a"] + frozen * frame["b"]}
        return state, weight * state["sum"]

    def total(recurrence, start):
        with tf.GradientTape() as tape:
            tape.watch(start)
            outputs = recurrence({"sum": start})
            loss = tf.reduce_sum(outputs**2)
        sources = [start, weight.value, unused.value]
        return outputs, *tape.gradient(loss, sources, unconnected_gradients="zero")

    def recomputed(state):
        return recur_recomputing(step, state, sequence, [weight, frozen, unused])

    total = tf.function(total) if compiled else total
    received = total(recomputed, tf.ones((2, 3)))
    expected = total(lambda state: recur(step, state, sequence)[1], tf.ones((2, 3)))
    for mine, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_fold_time_passes_a_batch_of_frames():
    x = ops.convert_to_tensor(clip()["a"])

    def function(frames):
        assert frames.shape == (8, 3)
        return {"double": 2 * frames, "first": frames[:, :1]}

    out = fold_time(function, x)
    np.testing.assert_array_equal(out["double"], 2 * x)
    np.testing.assert_array_equal(out["first"], x[..., :1])
