import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers import ConvLSTM, ConvLSTMCell


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_pair(filters=5, channels=3, kernel_size=3):
    """Our layer and `keras.layers.ConvLSTM2D` with the same weights, including random biases."""
    ours = ConvLSTM(filters, kernel_size)
    ours.build((None, None, None, None, channels))
    weights = [random(*w.shape, seed=i) * 0.3 for i, w in enumerate(ours.get_weights())]
    ours.set_weights(weights)
    stock = keras.layers.ConvLSTM2D(
        filters,
        kernel_size,
        padding="same",
        activation="relu",
        recurrent_activation="sigmoid",
        return_sequences=True,
        return_state=True,
    )
    stock.build((None, 4, 6, 7, channels))
    stock.set_weights(weights)
    return ours, stock


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_sequence_equals_the_stock_layer_with_the_same_weights(kernel_size):
    ours, stock = layer_pair(kernel_size=kernel_size)
    sequence = random(2, 4, 6, 7, 3)
    for mine, theirs in zip(ours(sequence), stock(sequence), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_sequence_equals_the_stock_layer_from_given_states():
    ours, stock = layer_pair()
    sequence, states = random(2, 3, 6, 7, 3), [random(2, 6, 7, 5, seed=s) for s in (1, 2)]
    theirs = stock(sequence, initial_state=[ops.convert_to_tensor(s) for s in states])
    for mine, their in zip(ours(sequence, initial_state=states), theirs, strict=True):
        np.testing.assert_allclose(mine, their, atol=1e-5)


def test_cell_by_hand():
    """1×1 kernels on a single cell: each gate is a·x + b·h + its bias."""
    cell = ConvLSTMCell(1, kernel_size=1)
    x, h, c = (np.full((1, 1, 1, 1), v, "float32") for v in (2.0, 0.5, -3.0))
    cell.build(x.shape)
    a, b, bias = [0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.5, -0.5]
    cell.set_weights([np.reshape(a, (1, 1, 1, 4)), np.reshape(b, (1, 1, 1, 4)), np.array(bias)])
    # i: 0.2 + 0.5 = 0.7; f: 0.4 + 1 + 1 = 2.4; candidate: 0.6 + 1.5 + 0.5 = 2.6;
    # o: 0.8 + 2 − 0.5 = 2.3.
    new_c = sigmoid(2.4) * -3.0 + sigmoid(0.7) * 2.6
    hidden, state = cell(x, (h, c))
    assert state.numpy().item() == pytest.approx(new_c, abs=1e-6)
    assert hidden.numpy().item() == pytest.approx(sigmoid(2.3) * max(new_c, 0), abs=1e-6)


def test_output_relu_clips_negative_cells():
    cell = ConvLSTMCell(2)
    zeros, negative = ops.zeros((1, 3, 3, 2)), -ops.ones((1, 3, 3, 2))
    hidden, state = cell(zeros, (zeros, negative))
    assert np.all(np.array(hidden) == 0)
    assert np.all(np.array(state) < 0)


def test_initial_weights():
    cell = ConvLSTMCell(4)
    cell.build((None, None, None, 3))
    kernel, recurrent, bias = cell.get_weights()
    assert kernel.shape == (3, 3, 3, 16)
    assert recurrent.shape == (3, 3, 4, 16)
    # Gates in order: input, forget, candidate, output.
    np.testing.assert_array_equal(bias, [0] * 4 + [1] * 4 + [0] * 8)
    for weights in (kernel, recurrent):  # Glorot uniform fills its range, ±√(6 / (in + out))
        fan = 9 * (weights.shape[2] + weights.shape[3])
        limit = np.sqrt(6 / fan)
        assert 0.9 * limit < np.abs(weights).max() <= limit


def test_sequence_equals_steps_of_its_cell():
    layer = ConvLSTM(4)
    sequence = random(2, 5, 3, 4, 2)
    outputs, hidden, cell = layer(sequence)
    h = c = ops.zeros((2, 3, 4, 4))
    for t in range(5):
        h, c = layer.cell(sequence[:, t], (h, c))
        np.testing.assert_allclose(outputs[:, t], h, atol=1e-6)
    np.testing.assert_allclose(hidden, h, atol=1e-6)
    np.testing.assert_allclose(cell, c, atol=1e-6)


def test_unknown_length_and_size_in_a_functional_model():
    inputs = keras.Input((None, None, None, 2))
    model = keras.Model(inputs, ConvLSTM(3)(inputs))
    layer = model.layers[-1]
    for shape in ((1, 2, 4, 5, 2), (2, 3, 7, 3, 2)):
        sequence = random(*shape)
        for mine, expected in zip(model.predict(sequence, verbose=0), layer(sequence), strict=True):
            np.testing.assert_allclose(mine, expected, atol=1e-6)


def test_one_input_with_many_states():
    cell = ConvLSTMCell(3)
    x, states = random(1, 4, 4, 2), [random(5, 4, 4, 3, seed=s) for s in (1, 2)]
    together = cell(x, states)
    repeated = cell(np.repeat(x, 5, axis=0), states)
    for mine, expected in zip(together, repeated, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_the_cell_state_in_float32(policy):
    layer = ConvLSTM(4, dtype=policy)
    outputs, hidden, cell = layer(random(1, 3, 4, 4, 2))
    assert outputs.dtype == hidden.dtype == layer.compute_dtype != "float32"
    assert cell.dtype == "float32"
    assert all(v.dtype == "float32" for v in layer.trainable_variables)
    # A cell value that half precision cannot represent must pass through a step unrounded: with the
    # forget gate wide open and the input gate shut, nothing else modifies it.
    bias = np.repeat([-100.0, 100.0, 0.0, 0.0], 4)
    layer.cell.bias.assign(bias)
    fine = np.full((1, 4, 4, 4), 1.0 + 2.0**-20, "float32")
    _, kept = layer.cell(ops.zeros((1, 4, 4, 2)), (ops.zeros_like(fine), fine))
    np.testing.assert_array_equal(kept, fine)


def test_functional_models_declare_a_float32_cell_state():
    policy = "mixed_bfloat16"
    outputs = ConvLSTM(4, dtype=policy)(keras.Input((None, None, None, 2)))
    assert [x.dtype for x in outputs] == ["bfloat16", "bfloat16", "float32"]
    frame, *states = (keras.Input((None, None, channels)) for channels in (2, 4, 4))
    outputs = ConvLSTMCell(4, dtype=policy)(frame, states)
    assert [x.dtype for x in outputs] == ["bfloat16", "float32"]
    assert [x.shape for x in outputs] == [(None, None, None, 4)] * 2


def test_config_round_trip():
    layer = ConvLSTM(4, kernel_size=5, activation="tanh", name="memory")
    copy = ConvLSTM.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    cell = ConvLSTMCell.from_config(layer.cell.get_config())
    assert cell.activation is keras.activations.tanh


def test_compute_output_shape():
    layer = ConvLSTM(4)
    assert layer.compute_output_shape((2, None, None, 7, 3)) == (
        (2, None, None, 7, 4),
        (2, None, 7, 4),
        (2, None, 7, 4),
    )


def test_weights_are_tracked():
    layer = ConvLSTM(4)
    layer.build((None, None, None, None, 2))
    assert [w.name for w in layer.trainable_weights] == ["kernel", "recurrent_kernel", "bias"]


def test_clip_gradients_equal_those_of_its_steps():
    layer, clip = ConvLSTM(4), tf.constant(random(2, 6, 3, 5, 3))
    layer.build(clip.shape)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(clip)
        at_once = layer(clip)[0]
        h = c = ops.zeros((2, 3, 5, 4))
        steps = []
        for t in range(6):
            h, c = layer.cell(clip[:, t], (h, c))
            steps.append(h)
        one_by_one = ops.stack(steps, axis=1)
        losses = [ops.sum(x**2) for x in (at_once, one_by_one)]
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)
    sources = [clip, *(v.value for v in layer.trainable_variables)]
    for mine, expected in zip(*(tape.gradient(x, sources) for x in losses), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=1e-4)
