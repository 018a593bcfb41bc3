"""Non-rigid deformation: waves through a layer and pushes that swing parts of it."""

import numpy as np
import tensorflow as tf

from ytvos_keras.data.augmentation import MotionConfig
from ytvos_keras.data.draws import Draws

_WAVES, _PUSHES = 4, 2


def random_bend(draws: Draws, length: int | tf.Tensor, radius: tf.Tensor, config: MotionConfig):
    """A non-rigid deformation that changes smoothly with time, in the layer's own coordinates.

    Waves run through the layer, and local pushes swing parts of it back and forth. `radius` is the
    size of the layer, in pixels of the image. Returns a function for the argument `bend` of
    `source_positions`.
    """
    time = tf.range(length, dtype=tf.float32)
    strength = draws.uniform((), 0.0, 1.0)
    pace = draws.log_uniform((), 0.15, 1.0)
    frequency = draws.uniform((_WAVES,), 1.2, 4.5)
    heading = draws.uniform((_WAVES,), 0.0, 2 * np.pi)
    wave_number = tf.stack([tf.cos(heading), tf.sin(heading)]) * frequency
    phase = _running_phase(draws, _WAVES, pace, time)
    # A wave's gradient is amplitude × frequency; n independent ones add up to √n times that.
    size = strength * config.elastic / frequency / np.sqrt(_WAVES)
    wave = draws.normal((2, _WAVES)) * size
    spot = draws.normal((2, _PUSHES), 0.5)
    width = draws.uniform((_PUSHES,), 0.3, 0.7)
    swing = tf.sin(_running_phase(draws, _PUSHES, pace, time))
    # The steepest slope of a Gaussian is 0.6 times its height over its width.
    push = draws.uniform((2, _PUSHES), -1.0, 1.0) * width * config.limbs * draws.uniform()

    def bend(local):
        # In units of the object's radius, so that large and small ones bend alike.
        place = local / radius
        moved = tf.zeros_like(place)
        for k in range(_WAVES):
            along = place[:, 0] * wave_number[0, k] + place[:, 1] * wave_number[1, k]
            moved += _outer(tf.sin(along + phase[:, k, None, None]), wave[:, k])
        for k in range(_PUSHES):
            distance = tf.reduce_sum((place - spot[:, k, None, None]) ** 2, axis=1)
            near = tf.exp(-distance / (2.0 * width[k] ** 2)) * swing[:, k, None, None]
            moved += _outer(near, push[:, k])
        return moved * radius

    return bend


def _running_phase(draws: Draws, count: int, pace: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
    """Phases that grow with time at random rates: (frames, count)."""
    rate = draws.normal((count,)) * pace
    return draws.uniform((count,), 0.0, 2 * np.pi) + rate * time[:, None]


def _outer(field: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    """(frames, rows, columns) x (2,) -> (frames, 2, rows, columns)."""
    return field[:, None] * vector[:, None, None]
