import numpy as np
import pytest
import tensorflow as tf

from ytvos_keras.data.augmentation import MotionConfig
from ytvos_keras.data.bend import random_bend
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.motion import Pose, covering_pose, random_pose, source_positions
from ytvos_keras.data.warp import coarse_points, densify, warp

SIZE = (21, 30)


def still(length=2, centre=(0.0, 0.0), log_scale=0.0):
    zeros = tf.zeros([length])
    return Pose(tf.constant([centre] * length, tf.float32), zeros, zeros + log_scale, zeros, zeros)


def picture(height=21, width=30):
    return np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)


def positions_of(pose, scale=1.0):
    return source_positions(pose, tf.zeros(2), scale, None, SIZE)


@pytest.mark.parametrize("border", ["clamp", "reflect"])
def test_identity_is_exact(border):
    planes = warp(picture(), positions_of(still()), border)
    for frame in range(2):
        np.testing.assert_array_equal(planes[:, frame], picture().transpose(2, 0, 1))


def test_whole_shift_moves_pixels_exactly():
    planes = warp(picture(), positions_of(still(1, centre=(4.0, 3.0))))
    np.testing.assert_array_equal(planes[:, 0, 3:, 4:], picture().transpose(2, 0, 1)[:, :-3, :-4])


def test_half_shift_averages_neighbours():
    planes = warp(picture(), positions_of(still(1, centre=(-0.5, 0.0))))
    source = picture().transpose(2, 0, 1).astype(np.float32)
    np.testing.assert_allclose(planes[:, 0, :, :-1], (source[:, :, 1:] + source[:, :, :-1]) / 2)


def test_reflect_mirrors_at_the_edge_and_clamp_repeats_it():
    positions = positions_of(still(1, centre=(5.0, 0.0)))
    source = picture().transpose(2, 0, 1)
    mirrored = warp(picture(), positions, "reflect")[:, 0, :, :5]
    np.testing.assert_array_equal(mirrored, source[:, :, 5:0:-1])
    repeated = warp(picture(), positions, "clamp")[:, 0, :, :5]
    np.testing.assert_array_equal(repeated, np.repeat(source[:, :, :1], 5, axis=2))


def test_scale_two_doubles_the_distance():
    positions = positions_of(still(1, log_scale=float(np.log(2.0)))).numpy()
    np.testing.assert_allclose(positions[0, 0, 0], np.arange(30) / 2, rtol=1e-5)


def test_densify_reproduces_affine_fields():
    x, y = coarse_points(SIZE)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    dense = densify(tf.constant(0.3 * x - 0.7 * y + 2.0), SIZE)
    np.testing.assert_allclose(dense, 0.3 * columns - 0.7 * rows + 2.0, atol=1e-4)


def test_trajectory_starts_at_the_given_point_and_moves():
    draws = Draws([3, 4])
    pose = random_pose(draws, tf.constant([10.0, 8.0]), 6, SIZE, MotionConfig(still=0.0))
    np.testing.assert_allclose(pose.centre[0], [10.0, 8.0])
    assert pose.angle[0] == 0 and pose.log_scale[0] == 0
    assert np.abs(np.diff(pose.centre, axis=0)).max() > 0


def test_covering_pose_keeps_the_frame_inside_the_picture():
    pose = still(3, centre=(300.0, -50.0), log_scale=-1.0)
    shape, origin = tf.constant([60.0, 42.0]), tf.constant([30.0, 21.0])
    held = covering_pose(pose, origin, shape, 1.0, SIZE)
    positions = source_positions(held, origin, 1.0, None, SIZE).numpy()
    assert positions.min() > -1.0
    assert positions[:, 0].max() < 61 and positions[:, 1].max() < 43


def test_bending_does_not_fold():
    radius = tf.constant(20.0)
    for seed in range(20):
        bend = random_bend(Draws([seed, 0]), 4, radius, MotionConfig())
        bent = source_positions(still(4, (15.0, 10.0)), tf.zeros(2), 1.0, bend, SIZE).numpy()
        assert np.median(np.diff(bent[:, 0], axis=2)) > 0
        assert (np.diff(bent[:, 0], axis=2) > 0).mean() > 0.97


def test_draws_are_repeatable_and_forks_differ():
    first, second = Draws.of_element(1, 5), Draws.of_element(1, 5)
    assert first.uniform() == second.uniform()
    fork, later = first.fork().uniform((4,)), first.uniform((4,))
    assert not np.allclose(fork, later)
    assert Draws.of_element(1, 6).uniform() != Draws.of_element(1, 5).uniform()
