"""Layers with an alpha channel: an object that was cut out, or a whole image."""

from typing import NamedTuple

import tensorflow as tf


class Layer(NamedTuple):
    """An image that moves.

    Args:
        image: uint8 (height, width, 4): RGB and alpha.
        origin: float32 (2,): x, y of the object's centre in pixels of `image`.
        scale: float32 scalar: pixels of the frame per pixel of `image`.
        extent: float32 (2,): width and height of the object in pixels of the frame.
    """

    image: tf.Tensor
    origin: tf.Tensor
    scale: tf.Tensor
    extent: tf.Tensor

    @property
    def radius(self) -> tf.Tensor:
        """Half the mean side of the object, in pixels of `image`."""
        return tf.maximum(tf.reduce_mean(self.extent) / 2.0 / self.scale, 1.0)


class Measure(NamedTuple):
    """Bounding box (top, left, bottom, right; int32, the end excluded) and area of a mask."""

    box: tf.Tensor
    area: tf.Tensor

    @property
    def extent(self) -> tf.Tensor:
        """Width and height of the box: float32 (2,)."""
        return tf.cast(tf.stack([self.box[3] - self.box[1], self.box[2] - self.box[0]]), tf.float32)

    @property
    def centre(self) -> tf.Tensor:
        """The middle x, y of the box: float32 (2,)."""
        total = tf.stack([self.box[3] + self.box[1], self.box[2] + self.box[0]])
        # Minus 0.5, since pixel centres are at whole numbers here.
        return tf.cast(total, tf.float32) / 2.0 - 0.5


def measure(mask: tf.Tensor) -> Measure:
    """Box and area of a boolean mask (height, width) that is not empty."""
    rows = tf.cast(tf.where(tf.reduce_any(mask, axis=1))[:, 0], tf.int32)
    columns = tf.cast(tf.where(tf.reduce_any(mask, axis=0))[:, 0], tf.int32)
    box = tf.stack([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
    return Measure(box, tf.reduce_sum(tf.cast(mask, tf.float32)))


def cut_out(image: tf.Tensor, mask: tf.Tensor, measured: Measure, scale: tf.Tensor) -> Layer:
    """Cut an object out of its image.

    Args:
        image: uint8 (height, width, 3).
        mask: boolean (height, width).
        measured: `measure(mask)`.
        scale: pixels of the frame per pixel of the image.
    """
    top, left, bottom, right = tf.unstack(measured.box)
    layer = whole(image[top:bottom, left:right], mask[top:bottom, left:right], scale)
    # The border has zero alpha, so that sampling outside of it is transparent.
    rgb = tf.pad(layer.image[..., :3], [[1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    alpha = tf.pad(layer.image[..., 3:], [[1, 1], [1, 1], [0, 0]])
    shape = tf.cast(tf.shape(layer.image), tf.float32)
    # shape ÷ 2 − 0.5 is the middle, and the padding adds a pixel.
    middle = tf.stack([shape[1], shape[0]]) / 2.0 + 0.5
    image = tf.concat([rgb, alpha], axis=-1)
    return Layer(image, middle, layer.scale, measured.extent * scale)


def whole(image: tf.Tensor, mask: tf.Tensor, scale: tf.Tensor, measured: Measure | None = None):
    """A whole image as a layer, with the mask as alpha.

    A layer that is shown at a reduced size is downscaled here with antialiasing, as sparse sampling
    would make edges flicker.
    """
    shape = tf.shape(mask)
    float_shape = tf.cast(shape, tf.float32)
    alpha = tf.cast(mask, tf.uint8) * tf.constant(255, tf.uint8)
    rgba = tf.concat([image, alpha[..., None]], axis=-1)
    reduction = tf.minimum(1.0, scale)
    reduced = tf.maximum(tf.cast(tf.round(float_shape * reduction), tf.int32), 2)
    rgba = tf.cond(
        tf.reduce_all(reduced == shape),
        lambda: tf.cast(rgba, tf.float32),
        lambda: tf.image.resize(tf.cast(rgba, tf.float32), reduced, antialias=True),
    )
    rgba = tf.concat([rgba[..., :3], _soften(rgba[..., 3:])], axis=-1)
    reduction = tf.reduce_mean(tf.cast(reduced, tf.float32) / float_shape)
    rgba = tf.cast(tf.clip_by_value(tf.round(rgba), 0.0, 255.0), tf.uint8)
    if measured is None:
        extent = centre = tf.reverse(float_shape, [0])
        centre = centre / 2.0 - 0.5
    else:
        extent, centre = measured.extent, measured.centre
    # Scaled relative to the corner of the first pixel, not its centre.
    return Layer(rgba, (centre + 0.5) * reduction - 0.5, scale / reduction, extent * scale)


def aim(draws, start: tf.Tensor, mask: tf.Tensor, origin: tf.Tensor, scale, frame: tf.Tensor):
    """Shift an image just far enough for a random pixel of the object to be well inside the frame.

    The centre of its box would not do, as in a ring or an arch it may be empty.

    Args:
        draws: source of randomness.
        start: float32 (2,): position of `origin`, x, y in pixels of the frame.
        mask: boolean (height, width), not empty.
        origin: float32 (2,): x, y in pixels of the image.
        scale: pixels of the frame per pixel of the image.
        frame: float32 (2,): width and height of the frame in pixels.
    """
    pixels = tf.where(mask)
    chosen = pixels[draws.integer(0, tf.shape(pixels)[0])]
    offset = (tf.cast(tf.reverse(chosen, [0]), tf.float32) - origin) * scale
    return tf.clip_by_value(start, 0.2 * frame - offset, 0.8 * frame - offset)


def _soften(alpha: tf.Tensor) -> tf.Tensor:
    """Blur alpha with the weights 1, 2, 1 in both directions to antialias edges."""
    padded = tf.pad(alpha, [[1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
    rows = padded[:-2] + 2.0 * padded[1:-1] + padded[2:]
    return (rows[:, :-2] + 2.0 * rows[:, 1:-1] + rows[:, 2:]) / 16.0
