import keras
import numpy as np
import pytest
from keras import ops

from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.one_filter_conv import OneFilterConv
from ytvos_keras.layers.resolution import (
    depth_to_space,
    pad_to_stride,
    space_to_depth,
    upsample,
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_one_filter_conv_matches_conv2d(kernel_size):
    x, ours = random(2, 6, 9, 4), OneFilterConv(kernel_size)
    stock = keras.layers.Conv2D(1, kernel_size, padding="same")
    ours.build(x.shape)
    stock.build(x.shape)
    weights = [random(*w.shape, seed=3) for w in ours.get_weights()]
    ours.set_weights(weights)
    stock.set_weights(weights)
    np.testing.assert_allclose(ours(x), stock(x), atol=1e-5)
    assert OneFilterConv.from_config(ours.get_config()).kernel_size == kernel_size


def test_one_filter_conv_needs_an_odd_kernel():
    with pytest.raises(ValueError, match=r"kernel_size must be odd\. Received: kernel_size=4"):
        OneFilterConv(4)


def test_joint_conv_convolves_the_concatenation():
    maps = [random(2, 5, 6, 3), random(1, 5, 6, 4, seed=1)]
    layer = JointConv(8)
    out = layer(maps)
    assert out.shape == (2, 5, 6, 8)
    kernel = np.concatenate([np.array(c.kernel) for c in layer.convolutions], axis=2)
    joined = np.concatenate([maps[0], np.repeat(maps[1], 2, axis=0)], axis=-1)
    x = np.array(ops.conv(joined, kernel, padding="same"))
    expected = np.maximum(x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6), 0)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_depth_to_space_inverts_space_to_depth():
    x = random(2, 6, 9, 2)
    deep = np.array(space_to_depth(x, 3))
    assert deep.shape == (2, 2, 3, 18)
    np.testing.assert_array_equal(deep[1, 1, 2], x[1, 3:6, 6:9].reshape(-1))
    np.testing.assert_array_equal(depth_to_space(deep, 3), x)


def test_upsample_repeats_cells():
    x = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(
        upsample(x)[0, ..., 0], [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    )


def test_padding_is_at_the_bottom_and_right():
    x = np.array(pad_to_stride(random(1, 5, 8, 1), 4))
    assert x.shape == (1, 8, 8, 1)
    assert np.all(x[:, 5:] == 0)
    np.testing.assert_array_equal(x[:, :5], random(1, 5, 8, 1))
