"""Decode, resize and recolour the frames of a clip, in a TensorFlow graph.

Most clips show an axis-aligned crop of the video: decoding only that crop and `tf.image.resize`
cost half as much as decoding and resampling any other way. Rotated clips go through NumPy.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ytvos_keras.data.python_step import python_step
from ytvos_keras.data.resample import resample
from ytvos_keras.data.video_clip import EncodedClip

_RATIOS = (1, 2, 4, 8)  # reductions at which TensorFlow decodes JPEG
_NOT_JPEG = len(_RATIOS)
_GROUP = 8  # pixels per row: a matrix product with only three columns would be slow


class FrameTensors(NamedTuple):
    """The inputs of `clip_frames`; see `EncodedClip` and `Framing`.

    Args:
        images: string (T,).
        decoders: int32 (T,): which of `_RATIOS`, or `_NOT_JPEG`.
        window: int32 (4,).
        ratio: int32 ().
        matrix: float64 (2, 3), from positions in the clip to those in the window.
        turned: boolean.
        flip: boolean.
        mixing: float32 (N + 1, N): the colour change for N values at a time, the last row an
            offset; (0, N) for none.
    """

    images: tf.Tensor
    decoders: tf.Tensor
    window: tf.Tensor
    ratio: tf.Tensor
    matrix: tf.Tensor
    turned: tf.Tensor
    flip: tf.Tensor
    mixing: tf.Tensor


FRAME_TYPES = (tf.string, tf.int32, tf.int32, tf.int32, tf.float64, tf.bool, tf.bool, tf.float32)
_SHAPES = ((None,), (None,), (4,), (), (2, 3), (), (), (None, None))


def frame_arrays(clip: EncodedClip) -> tuple[Any, ...]:
    """The arrays for `FrameTensors`, with dtypes `FRAME_TYPES`."""
    framing = clip.framing
    for_jpeg = _RATIOS.index(framing.ratio)
    # By the first bytes of each file: `read_encoded` may have converted a frame to PNG.
    decoders = [for_jpeg if data.startswith(b"\xff\xd8") else _NOT_JPEG for data in clip.images]
    top, left = framing.window[:2]
    return (
        # As objects: a NumPy array of bytes would strip trailing zeros.
        np.array(clip.images, object),
        np.array(decoders, np.int32),
        np.array(framing.window, np.int32),
        np.int32(framing.ratio),
        framing.matrix - [[0, 0, left], [0, 0, top]],  # to positions in the window
        np.bool_(framing.turned),
        np.bool_(framing.flip),
        _mixing(clip),
    )


def _mixing(clip: EncodedClip) -> np.ndarray:
    """`clip.colours` as a matrix for groups of pixels, one group per row of the product."""
    group = math.gcd(_GROUP, math.prod(clip.masks.shape[1:3]))
    if not clip.colours.size:
        return np.zeros((0, 3 * group), np.float32)
    matrix = np.kron(np.eye(group, dtype=np.float32), clip.colours[:3])
    # 0.5 for rounding, as the cast to uint8 truncates.
    return np.concatenate([matrix, np.tile(clip.colours[3:] + np.float32(0.5), group)])


def clip_frames(tensors: tuple[tf.Tensor, ...], size: tuple[int, int]) -> tf.Tensor:
    """Decode and augment the frames of a clip, from `frame_arrays`: uint8 (T, height, width, 3)."""
    clip = FrameTensors(*map(tf.ensure_shape, tensors, _SHAPES))

    def make(sample):
        def frame(item):
            image, decoder = item
            rgb = sample(_decode(image, decoder, clip))
            # + 0.5 for rounding, which `_colour` has already added.
            rgb = tf.cond(
                tf.size(clip.mixing) > 0, lambda: _colour(rgb, clip.mixing), lambda: rgb + 0.5
            )
            return tf.cast(rgb, tf.uint8)

        signature = tf.TensorSpec((*size, 3), tf.uint8)
        # Frames run one after the other, since clips already run in parallel.
        return tf.map_fn(frame, (clip.images, clip.decoders), fn_output_signature=signature)

    frames = tf.cond(
        # Decided outside the loop, once for all frames.
        clip.turned,
        lambda: make(lambda pixels: _turn(pixels, clip, size)),
        lambda: make(lambda pixels: tf.image.resize(pixels, size)),
    )
    return tf.cond(clip.flip, lambda: _flip(frames), lambda: frames)


def _flip(frames: tf.Tensor) -> tf.Tensor:
    # `tf.reverse` has a fast path for three dimensions.
    rows = tf.reshape(frames, [-1, *frames.shape[2:]])
    return tf.reshape(tf.reverse(rows, [1]), tf.shape(frames))


def _decode(image: tf.Tensor, decoder: tf.Tensor, clip: FrameTensors) -> tf.Tensor:
    """Decode the window of a frame at reduced size: uint8 (height, width, 3)."""

    def part(pixels, ratio):
        top, left, height, width = tf.unstack(clip.window // ratio)
        return pixels[top : top + height, left : left + width]

    def reduced(ratio):
        return lambda: part(tf.io.decode_jpeg(image, channels=3, ratio=ratio), ratio)

    return tf.switch_case(
        decoder,
        [
            lambda: tf.io.decode_and_crop_jpeg(image, clip.window, channels=3),
            *map(reduced, _RATIOS[1:]),
            lambda: _reduce(part(tf.io.decode_png(image, channels=3), 1), clip.ratio),
        ],
    )


def _reduce(pixels: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
    """The means of blocks of `ratio` × `ratio` pixels, like a JPEG decoded at reduced size."""

    def means():
        height, width, _ = tf.unstack(tf.shape(pixels) // ratio)
        blocks = tf.reshape(tf.cast(pixels, tf.float32), (height, ratio, width, ratio, 3))
        return tf.cast(tf.reduce_mean(blocks, axis=(1, 3)) + 0.5, tf.uint8)

    return tf.cond(ratio > 1, means, lambda: pixels)


def _turn(pixels: tf.Tensor, clip: FrameTensors, size: tuple[int, int]) -> tf.Tensor:
    def sample(pixels, matrix, window):
        # The matrix is for full size; a frame may have been decoded at 1/2, 1/4 or 1/8 of it.
        return resample(pixels, matrix * (pixels.shape[0] / window[2]), size)

    turned = python_step(sample, [pixels, clip.matrix, clip.window], tf.uint8)
    return tf.cast(tf.ensure_shape(turned, (*size, 3)), tf.float32)


def _colour(rgb: tf.Tensor, mixing: tf.Tensor) -> tf.Tensor:
    """New colours + 0.5, in 0…255."""
    pixels = tf.reshape(rgb, [-1, tf.shape(mixing)[1]])
    mixed = tf.matmul(pixels, mixing[:-1]) + mixing[-1]
    return tf.reshape(tf.clip_by_value(mixed, 0.0, 255.0), rgb.shape)
