import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers import ConvLSTM
from ytvos_keras.layers.winograd import transform_kernel, winograd_conv


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 8), (8, 14), (7, 7)])
def test_it_is_the_convolution(size):
    x, kernel = random(2, *size, 5), random(3, 3, 5, 7, seed=1)
    expected = ops.conv(x, kernel, padding="same")
    np.testing.assert_allclose(winograd_conv(x, transform_kernel(kernel)), expected, atol=1e-5)


def test_unknown_sizes_in_a_graph():
    kernel = random(3, 3, 5, 7, seed=1)
    graph = tf.function(
        lambda x: winograd_conv(x, transform_kernel(kernel)),
        input_signature=[tf.TensorSpec((None, None, None, 5))],
    )
    for shape in ((1, 4, 7, 5), (3, 6, 2, 5)):
        expected = ops.conv(random(*shape), kernel, padding="same")
        np.testing.assert_allclose(graph(random(*shape)), expected, atol=1e-5)


def test_long_clips_take_it_and_have_the_gradient_of_the_plain_steps():
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
