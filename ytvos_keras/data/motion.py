"""Smooth random motion: the source position of each pixel of a frame in the moving image."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ytvos_keras.data.augmentation import MotionConfig
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.warp import coarse_points, densify

_MEMORY = 0.8  # correlation of velocities of consecutive frames


class Pose(NamedTuple):
    """Position and shape of a layer in every frame.

    Args:
        centre: float32 (frames, 2): x, y of the layer's centre in pixels of the frame.
        angle: float32 (frames,) in radians.
        log_scale: float32 (frames,), relative to the layer's base scale.
        log_stretch: float32 (frames,): log of the ratio of width and height.
        shear: float32 (frames,).
    """

    centre: tf.Tensor
    angle: tf.Tensor
    log_scale: tf.Tensor
    log_stretch: tf.Tensor
    shear: tf.Tensor


def smooth_walk(draws: Draws, length: int | tf.Tensor, channels: int) -> tf.Tensor:
    """Integrated, correlated random velocities of unit variance; 0 in the first frame.

    Returns:
        float32 tensor of shape (length, channels).
    """
    noise = draws.normal((length - 1, channels))
    # v[0] = noise[0], v[t] = memory * v[t - 1] + root(1 - memory²) * noise[t], summed over time:
    # noise[j] contributes the sum of the first t - j powers of the memory to the walk at time t.
    powers = tf.range(length, dtype=tf.float32)[:, None] - tf.range(length - 1, dtype=tf.float32)
    reached = (1.0 - _MEMORY ** tf.maximum(powers, 0.0)) / (1.0 - _MEMORY)
    later = np.sqrt(1 - _MEMORY**2)
    return tf.matmul(reached, tf.concat([noise[:1], later * noise[1:]], axis=0))


def random_pose(
    draws: Draws,
    start: tf.Tensor,
    length: int | tf.Tensor,
    size: tuple[int, int],
    config: MotionConfig,
) -> Pose:
    """A random trajectory.

    Args:
        draws: source of randomness.
        start: float32 (2,): centre x, y in frame 0, in pixels.
        length: number of frames, at least 2.
        size: height and width of the frames in pixels.
        config: ranges of the motion.
    """
    side = (size[0] + size[1]) / 2
    speed = tf.exp(draws.normal((), config.speed)) * (1.0 - draws.coin(config.still))
    rates = [config.translation * side] * 2
    rates += [config.rotation, config.scale, config.stretch, config.shear]
    walk = smooth_walk(draws, length, 6) * rates * speed + _jump(draws, length, side, config)
    centre = start + walk[:, :2]
    # Most layers are held at the border: one that leaves the frame for good teaches little.
    corner = tf.constant([size[1], size[0]], tf.float32)
    kept = draws.coin(0.85)
    low, high = tf.minimum(start, 0.05 * corner), tf.maximum(start, 0.95 * corner)
    centre = kept * tf.clip_by_value(centre, low, high) + (1.0 - kept) * centre
    # Angle in radians, log scale, log stretch, shear; the centre was limited above.
    walk = tf.clip_by_value(
        walk, [-1e6, -1e6, -2.5, -1.0, -0.5, -0.4], [1e6, 1e6, 2.5, 1, 0.5, 0.4]
    )
    return Pose(centre, walk[:, 2], walk[:, 3], walk[:, 4], walk[:, 5])


def _jump(draws: Draws, length: int | tf.Tensor, side: float, config: MotionConfig) -> tf.Tensor:
    """A step in all parameters from a random frame on: (length, 6)."""
    after_reference, later = draws.coin(config.jump), draws.coin(config.jump / 3)
    frame = tf.where(after_reference > 0, 1, draws.integer(1, length))
    begun = tf.cast(tf.range(length) >= frame, tf.float32) * tf.maximum(after_reference, later)
    deviations = [config.jump_translation * side] * 2
    deviations += [config.jump_rotation, config.jump_scale, config.stretch, config.shear]
    return begun[:, None] * draws.normal((6,)) * deviations


def passing_pose(draws: Draws, target: tf.Tensor, reach: tf.Tensor, length) -> Pose:
    """A layer that passes over the target in the middle of the clip.

    Args:
        draws: source of randomness.
        target: float32 (length, 2): centre of the target in pixels.
        reach: float32 scalar: distance in pixels at which the two no longer touch.
        length: number of frames, at least 2.
    """
    soonest = tf.minimum(2, length - 1)
    middle = draws.integer(soonest, tf.maximum(length - 1, soonest + 1))
    angle = draws.normal((), 0.5) + np.pi * draws.coin(0.5)
    direction = tf.stack([tf.cos(angle), tf.sin(angle)])
    time = tf.cast(tf.range(length) - middle, tf.float32)
    distance = time * reach / draws.uniform((), 1.0, 1.8)
    still = tf.zeros([length])
    return Pose(target[middle] + distance[:, None] * direction, still, still, still, still)


def leaving_pose(
    draws: Draws, pose: Pose, extent: tf.Tensor, size: tuple[int, int], fraction: float
) -> Pose:
    """Let a layer leave the frame for one to three frames, and come back elsewhere.

    Args:
        draws: source of randomness.
        pose: the trajectory of a layer, of at least 4 frames.
        extent: float32 (2,): width and height of the layer in pixels.
        size: height and width of the frames in pixels.
        fraction: fraction of clips in which the layer leaves.
    """
    frame = tf.constant([size[1], size[0]], tf.float32)
    length = tf.shape(pose.angle)[0]
    leaves = draws.coin(fraction) > 0
    away = tf.maximum(tf.minimum(draws.integer(1, 4), length - 3), 1)
    # Not before frame 2, so that the layer has been seen to move.
    first = draws.integer(2, tf.maximum(length - away, 3))
    time = tf.range(length)[:, None]
    angle = draws.uniform((), 0.0, 2 * np.pi)
    # Outside in any direction, from any place in the frame.
    far = tf.reduce_sum(frame) + tf.reduce_max(extent)
    gone = pose.centre + far * tf.stack([tf.cos(angle), tf.sin(angle)])
    back = pose.centre + 0.15 * frame * draws.normal((2,))
    centre = tf.where(time < first + away, gone, tf.clip_by_value(back, 0.1 * frame, 0.9 * frame))
    return pose._replace(centre=tf.where(leaves & (time >= first), centre, pose.centre))


def crossing_pose(draws: Draws, pose: Pose, target: Pose, fraction: float) -> Pose:
    """Bend a layer's path so that it meets the target's in one frame; frame 0 stays as it is.

    `fraction` is the fraction of clips in which it does.
    """
    length = tf.shape(pose.angle)[0]
    # Not in frame 1, or the path would be a jump.
    crosses, meeting = draws.coin(fraction), draws.integer(tf.minimum(2, length - 1), length)
    # Rises from 0 in frame 0 to 1 where they meet, and falls again.
    distance = tf.cast(tf.abs(tf.range(length) - meeting), tf.float32)
    near = tf.maximum(1.0 - distance / tf.cast(meeting, tf.float32), 0.0)
    shift = target.centre[meeting] - pose.centre[meeting]
    return pose._replace(centre=pose.centre + crosses * near[:, None] * shift)


def covering_pose(pose: Pose, origin, shape, base_scale, size: tuple[int, int]) -> Pose:
    """Limit an image's motion so that the frame stays within its borders.

    Rotation and shear are ignored: corners may show a little of the mirrored image.

    Args:
        pose: the trajectory of a whole image.
        origin: float32 (2,): the point x, y of the image that lies at the pose's centre.
        shape: float32 (2,): width and height of the image.
        base_scale: pixels of the frame per pixel of the image, where `log_scale` is 0.
        size: height and width of the frames in pixels.
    """
    frame = tf.constant([size[1], size[0]], tf.float32)
    least = tf.math.log(tf.reduce_max(frame / shape) / base_scale)  # the image covers the frame
    log_scale = tf.maximum(pose.log_scale, least)
    scale = (base_scale * tf.exp(log_scale))[:, None]
    low, high = frame - (shape - origin) * scale, origin * scale
    return pose._replace(log_scale=log_scale, centre=tf.clip_by_value(pose.centre, low, high))


def source_positions(
    pose: Pose, origin: tf.Tensor, base_scale, bend, size: tuple[int, int]
) -> tf.Tensor:
    """Where each pixel of each frame lies in the layer's image.

    Args:
        pose: the trajectory of the layer.
        origin: float32 (2,): the point x, y of the image that lies at the pose's centre.
        base_scale: pixels of the frame per pixel of the image, where `log_scale` is 0.
        bend: `None`, or a function from positions relative to `origin`, float32
            (frames, 2, rows, columns) in pixels of the image, to displacements of that shape.
        size: height and width of the frames in pixels.

    Returns:
        float32 tensor of shape (frames, 2, height, width): x, y in pixels of the image.
    """
    # Sampling goes from the frame to the image.
    inverse = _inverse_matrices(pose, base_scale)
    grid = coarse_points(size)
    offset = grid[None] - pose.centre[:, :, None, None]
    local = tf.stack(
        [
            inverse[0] * offset[:, 0] + inverse[1] * offset[:, 1],
            inverse[2] * offset[:, 0] + inverse[3] * offset[:, 1],
        ],
        axis=1,
    )
    # On the coarse grid, 64 times fewer points than pixels; waves are much longer than a cell.
    if bend is not None:
        local += bend(local)
    return densify(local + origin[:, None, None], size)


def _inverse_matrices(pose: Pose, base_scale) -> list[tf.Tensor]:
    """The inverses of rotation x shear x stretch x scale: four tensors (frames, 1, 1)."""
    scale = base_scale * tf.exp(pose.log_scale)
    # Half of the log for each side, so that stretching keeps the area.
    wide, high = scale * tf.exp(pose.log_stretch / 2), scale * tf.exp(-pose.log_stretch / 2)
    cosine, sine = tf.cos(pose.angle), tf.sin(pose.angle)
    rows = [
        (cosine + pose.shear * sine) / wide,
        (sine - pose.shear * cosine) / wide,
        -sine / high,
        cosine / high,
    ]
    return [row[:, None, None] for row in rows]
