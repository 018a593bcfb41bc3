import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.narrow_conv import NarrowConv
from ytvos_keras.layers.resolution import (
    depth_to_space,
    pad_to_stride,
    space_to_depth,
)
from ytvos_keras.layers.upsampled_conv import upsampled_conv


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(("filters", "kernel_size"), [(1, 1), (1, 5), (4, 3)])
def test_narrow_conv_matches_conv2d(filters, kernel_size):
    x, ours = random(2, 6, 9, 4), NarrowConv(filters, kernel_size)
    stock = keras.layers.Conv2D(filters, kernel_size, padding="same")
    ours.build(x.shape)
    stock.build(x.shape)
    weights = [random(*w.shape, seed=3) for w in ours.get_weights()]
    ours.set_weights(weights)
    stock.set_weights(weights)
    np.testing.assert_allclose(ours(x), stock(x), atol=1e-5)
    assert NarrowConv.from_config(ours.get_config()).get_config() == ours.get_config()


def test_narrow_conv_needs_an_odd_kernel():
    with pytest.raises(ValueError, match=r"kernel_size must be odd\. Received: kernel_size=4"):
        NarrowConv(1, 4)


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


def test_silent_map_changes_nothing_until_its_kernel_is_trained():
    maps = [random(2, 5, 6, 3), random(2, 5, 6, 4, seed=1)]
    layer = JointConv(8, silent=1)
    before = np.array(layer(maps))
    np.testing.assert_array_equal(layer([maps[0], 2 * maps[1]]), before)
    layer.convolutions[1].kernel.assign(random(3, 3, 4, 8, seed=2))
    assert np.abs(layer(maps) - before).max() > 0.1
    assert JointConv.from_config(layer.get_config()).silent == 1


def test_depth_to_space_inverts_space_to_depth():
    x = random(2, 6, 9, 2)
    deep = np.array(space_to_depth(x, 3))
    assert deep.shape == (2, 2, 3, 18)
    np.testing.assert_array_equal(deep[1, 1, 2], x[1, 3:6, 6:9].reshape(-1))
    np.testing.assert_array_equal(depth_to_space(deep, 3), x)


def upsample(x):
    return np.repeat(np.repeat(x, 2, axis=1), 2, axis=2)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 4)])
def test_upsampled_conv_is_the_convolution_of_the_upsampled_map(size):
    x, kernel = random(2, *size, 3), random(3, 3, 3, 5, seed=1)
    expected = ops.conv(upsample(x), kernel, padding="same")
    np.testing.assert_allclose(upsampled_conv(x, kernel), expected, atol=1e-5)


def test_upsampled_conv_has_the_same_gradients():
    x, kernel, towards = random(1, 4, 3, 2), random(3, 3, 2, 5, seed=1), random(1, 8, 6, 5, seed=2)

    def gradients(function):
        variables = [tf.Variable(x), tf.Variable(kernel)]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(function(*variables) * towards)
        return tape.gradient(loss, variables)

    expected = gradients(
        lambda x, k: ops.conv(ops.repeat(ops.repeat(x, 2, 1), 2, 2), k, padding="same")
    )
    for ours, plain in zip(gradients(upsampled_conv), expected, strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


@pytest.mark.parametrize("upsampled", [0, 1])
def test_joint_conv_upsamples_a_map_at_half_the_resolution(upsampled):
    small, large = random(2, 3, 4, 3), random(1, 6, 8, 4, seed=1)
    layer, plain = JointConv(8, upsampled=upsampled), JointConv(8)
    maps, upsampled_maps = [small, large], [upsample(small), large]
    if upsampled == 1:
        maps.reverse()
        upsampled_maps.reverse()
    layer.build([m.shape for m in maps])
    plain.build([m.shape for m in upsampled_maps])
    plain.set_weights([w if w.ndim == 4 else random(*w.shape, seed=3) for w in layer.get_weights()])
    layer.set_weights(plain.get_weights())
    out = layer(maps)
    assert out.shape == layer.compute_output_shape([m.shape for m in maps]) == (2, 6, 8, 8)
    np.testing.assert_allclose(out, plain(upsampled_maps), atol=1e-5)
    assert JointConv.from_config(layer.get_config()).upsampled == upsampled


def test_joint_conv_upsamples_only_with_3x3_kernels():
    with pytest.raises(ValueError, match=r"must be 3 with upsampled\. Received: kernel_size=1"):
        JointConv(4, 1, upsampled=0)


def test_padding_is_at_the_bottom_and_right():
    x = np.array(pad_to_stride(random(1, 5, 8, 1), 4))
    assert x.shape == (1, 8, 8, 1)
    assert np.all(x[:, 5:] == 0)
    np.testing.assert_array_equal(x[:, :5], random(1, 5, 8, 1))
