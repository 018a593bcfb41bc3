"""Paths of the layers of synthetic clips."""

import numpy as np
import pytest
import tensorflow as tf

from ytvos_keras.data.draws import Draws
from ytvos_keras.data.motion import Pose, crossing_pose, leaving_pose

SIZE = (48, 64)
LENGTH = 8
FRAME = np.array([64, 48])
EXTENT = np.array([20.0, 12.0])


def pose_at(centre, length=LENGTH):
    still = tf.zeros([length])
    return Pose(tf.tile(tf.constant([centre], tf.float32), (length, 1)), still, still, still, still)


@pytest.mark.parametrize("length", [4, 5, LENGTH])
@pytest.mark.parametrize("start", [(0, 0), (32, 24), (60, 2)])
def test_layer_leaves_the_frame_and_comes_back(start, length):
    extent = tf.constant(EXTENT, tf.float32)
    for seed in range(20):
        pose = leaving_pose(Draws([seed, 0]), pose_at(start, length), extent, SIZE, 1.0)
        centre = pose.centre.numpy()
        # Nothing of the layer reaches into the frame.
        outside = ((centre + EXTENT / 2 <= 0) | (centre - EXTENT / 2 >= FRAME)).any(axis=1)
        (gone,) = np.nonzero(outside)
        assert 1 <= len(gone) <= 3
        assert gone[0] >= 2
        assert gone[-1] < length - 1
        np.testing.assert_array_equal(gone, np.arange(gone[0], gone[-1] + 1))
        np.testing.assert_array_equal(centre[: gone[0]], np.tile(start, (gone[0], 1)))
        back = centre[gone[-1] + 1 :]
        assert ((back >= 0.1 * FRAME - 1e-4) & (back <= 0.9 * FRAME + 1e-4)).all()


def test_paths_meet_in_one_frame():
    target = pose_at((50, 40))
    for seed in range(20):
        pose = crossing_pose(Draws([seed, 0]), pose_at((10, 8)), target, 1.0)
        distance = np.linalg.norm(pose.centre.numpy() - target.centre.numpy(), axis=1)
        np.testing.assert_allclose(pose.centre[0], (10, 8))
        assert (distance < 1e-4).sum() == 1


def test_fractions_of_zero_change_nothing():
    pose = pose_at((10, 8))
    extent = tf.constant(EXTENT, tf.float32)
    left = leaving_pose(Draws([0, 0]), pose, extent, SIZE, 0.0)
    crossed = crossing_pose(Draws([0, 0]), pose, pose_at((50, 40)), 0.0)
    np.testing.assert_array_equal(left.centre, pose.centre)
    np.testing.assert_array_equal(crossed.centre, pose.centre)
