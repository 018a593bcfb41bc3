"""Random changes of colour, light, sharpness and noise."""

import numpy as np
import tensorflow as tf

from ytvos_keras.data.augmentation import AppearanceConfig
from ytvos_keras.data.colours import colour_matrices, greying
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.motion import smooth_walk
from ytvos_keras.data.python_step import python_step
from ytvos_keras.data.warp import coarse_points, densify

_KERNEL = 7  # side of the blur kernel in pixels


def recolour(draws: Draws, image: tf.Tensor, config: AppearanceConfig, strength=1.0) -> tf.Tensor:
    """Change the colours of one image, uint8 (height, width, channels).

    Channels after the third stay as they are; `strength` is a factor for all ranges.
    """
    matrix, offset = _colour_matrix(draws.uniform((1, 4), -1.0, 1.0) * strength, config)
    rgb = tf.cast(image[..., :3], tf.float32)
    rgb = tf.tensordot(rgb, matrix[0], [[2], [1]]) + offset[0]
    rgb = tf.cast(tf.round(tf.clip_by_value(rgb, 0.0, 255.0)), tf.uint8)
    return tf.concat([rgb, image[..., 3:]], axis=-1)


def _colour_matrix(values: tf.Tensor, config: AppearanceConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """`colour_matrices` in a graph."""
    matrix, offset = python_step(
        lambda values: colour_matrices(values, config), [values], [tf.float32, tf.float32]
    )
    return tf.ensure_shape(matrix, [None, 3, 3]), tf.ensure_shape(offset, [None, 3])


def film(draws: Draws, planes: tf.Tensor, size: tuple[int, int], config: AppearanceConfig):
    """Apply camera effects to composed frames: colour and light, blur, noise, JPEG artifacts.

    Takes planes, float32 (3, frames, height, width), values 0-255, and returns uint8
    (frames, height, width, 3).
    """
    length = tf.shape(planes)[1]
    planes = _light(draws, planes, size, config)
    # Frames and colours become channels: (1, height, width, frames * 3).
    # One depthwise convolution then blurs every frame with its own kernel.
    image = tf.reshape(tf.transpose(planes, [2, 3, 1, 0]), [1, *size, length * 3])
    kernel = _blur_kernels(draws, length)
    image = tf.cond(
        draws.coin(config.blur) > 0,
        lambda: tf.nn.depthwise_conv2d(_extend(image), kernel, [1, 1, 1, 1], "VALID"),
        lambda: image,
    )
    seed, amplitude = draws.next_seed(), draws.uniform((), 2.0, 18.0)
    image = tf.cond(
        draws.coin(config.noise) > 0,
        lambda: image + _noise(seed, amplitude, size, length),
        lambda: image,
    )
    frames = tf.transpose(tf.reshape(image, [*size, length, 3]), [2, 0, 1, 3])
    frames = tf.cast(tf.clip_by_value(tf.round(frames), 0.0, 255.0), tf.uint8)
    quality = draws.integer(20, 80)
    return tf.cond(draws.coin(config.jpeg) > 0, lambda: _compress(frames, quality), lambda: frames)


def _light(draws, planes, size, config):
    """Apply colour jitter, its drift, and smooth shading that moves over the frame."""
    length = tf.shape(planes)[1]
    # A walk of n steps has deviation √n; dividing by it makes the drift independent of the length.
    drift = smooth_walk(draws, length, 4) / tf.sqrt(tf.cast(length - 1, tf.float32))
    values = draws.uniform((1, 4), -1.0, 1.0) + config.drift * drift
    grey = draws.coin(config.grey)
    saturation = values[:, 2] * (1.0 - grey) + grey * greying(config)
    values = tf.stack([values[:, 0], values[:, 1], saturation, values[:, 3]], axis=1)
    matrix, offset = _colour_matrix(values, config)
    light = _shading(draws, length, size, config.shading)
    mixed = []
    for row in range(3):
        weights = matrix[:, row, :, None, None]
        plane = sum(weights[:, column] * planes[column] for column in range(3))
        mixed.append((plane + offset[:, row, None, None]) * light)
    return tf.stack(mixed)


def _shading(draws: Draws, length: tf.Tensor, size: tuple[int, int], deviation: float) -> tf.Tensor:
    """1 + a slowly moving wave: (frames, height, width)."""
    x, y = coarse_points(size) / max(size)
    direction = draws.normal((2,), 4.0)
    phase = draws.uniform((), 0.0, 6.3) + draws.normal((), 0.5) * tf.range(length, dtype=tf.float32)
    wave = tf.sin(x * direction[0] + y * direction[1] + phase[:, None, None])
    return densify(1.0 + draws.normal((), deviation) * wave, size)


def _extend(image: tf.Tensor) -> tf.Tensor:
    margin = _KERNEL // 2
    # Mirrored, so that the blur does not darken the border.
    return tf.pad(image, [[0, 0], [margin] * 2, [margin] * 2, [0, 0]], mode="SYMMETRIC")


def _blur_kernels(draws: Draws, length: tf.Tensor) -> tf.Tensor:
    """Round or elongated Gaussians, one per frame; sharp frames get a delta."""
    y, x = np.mgrid[:_KERNEL, :_KERNEL].astype(np.float32) - _KERNEL // 2
    angle = draws.uniform((), 0.0, np.pi) + 0.3 * draws.normal((length, 1, 1))
    along = x * tf.cos(angle) + y * tf.sin(angle)
    across = y * tf.cos(angle) - x * tf.sin(angle)
    blurred = draws.coin(0.6, (length, 1, 1)) * draws.uniform((length, 1, 1), 0.3, 1.0)
    # 0.05 pixels instead of 0: a delta without a division by zero.
    major = blurred * draws.uniform((), 0.5, 3.0) + 0.05
    minor = blurred * draws.uniform((), 0.0, 1.2) + 0.05
    kernel = tf.exp(-((along / major) ** 2 + (across / minor) ** 2) / 2.0)
    kernel /= tf.reduce_sum(kernel, axis=[1, 2], keepdims=True)
    kernel = tf.repeat(tf.transpose(kernel, [1, 2, 0]), 3, axis=2)
    return kernel[..., None]  # (side, side, frames * 3, 1)


def _noise(seed, amplitude, size, length):
    """The same noise for the three colours, uniform in [-amplitude, amplitude]."""
    noise = tf.random.stateless_uniform([1, *size, length, 1], seed, -amplitude, amplitude)
    return tf.reshape(tf.tile(noise, [1, 1, 1, 1, 3]), [1, *size, length * 3])


def _compress(frames: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(lambda frame: tf.image.adjust_jpeg_quality(frame, quality), frames)
