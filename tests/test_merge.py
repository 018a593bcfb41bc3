import numpy as np
import pytest
import tensorflow as tf

from ytvos_keras.inference import merge_probabilities


def merge(maps, size=None):
    maps = np.asarray(maps, np.float32)[..., None]
    return merge_probabilities(tf.constant(maps), size or maps.shape[1:3]).numpy()


def test_argmax_over_background_and_objects():
    first = [[0.2, 0.9, 0.6, 0.5]]
    second = [[0.4, 0.8, 0.7, 0.5]]
    labels = merge([first, second])
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [[0, 1, 2, 0]])


def test_ties_go_to_the_first_object_and_no_objects_is_background():
    np.testing.assert_array_equal(merge([[[0.7]], [[0.7]]]), [[1]])
    np.testing.assert_array_equal(merge(np.zeros((0, 2, 3))), np.zeros((2, 3)))


def test_probabilities_are_resized_before_the_argmax():
    # Linear interpolation from 0.3 to 0.9 over four native pixels, with centres at 1/8, 3/8, 5/8,
    # 7/8 of the width, gives 0.3, 0.45, 0.75, 0.9. Nearest-neighbour labels would agree here, but
    # not for maps of 0.3 and 0.6.
    np.testing.assert_array_equal(merge([[[0.3, 0.9]]], (1, 4)), [[0, 0, 1, 1]])
    np.testing.assert_array_equal(merge([[[0.3, 0.6]]], (1, 8)), [[0] * 5 + [1] * 3])


@pytest.mark.parametrize("size", [(5, 7), (40, 30)])
def test_equals_numpy_argmax_on_resized_maps(size):
    maps = np.random.default_rng(0).random((4, 16, 24), np.float32)
    resized = tf.image.resize(maps[..., None], size).numpy()[..., 0]
    stack = np.concatenate([np.full((1, *size), 0.5), resized])
    np.testing.assert_array_equal(merge(maps, size), stack.argmax(0))
