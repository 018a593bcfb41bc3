"""Clips of a feed as tensors."""

import numpy as np
import tensorflow as tf

from ytvos_keras.data.clip_feed import ClipFeed
from ytvos_keras.data.clip_frames import FRAME_TYPES, clip_frames, frame_arrays
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.python_step import python_step
from ytvos_keras.data.seeds import generator
from ytvos_keras.data.synthetic import SCENE_SPECS, synthetic_clip


def clip_tensors(
    feed: ClipFeed, n: tf.Tensor, lengths: tuple[int, int], batch_size: int
) -> dict[str, tf.Tensor]:
    """Make clip number n, in a graph.

    Args:
        feed: makes the clip.
        n: int64 scalar.
        lengths: inclusive range from which T is drawn for each batch.
        batch_size: clips per batch, over all workers.

    Returns:
        `"frames"` uint8 (T, height, width, 3), `"mask"` uint8 (T, height, width, N), and `"weight"`
        float32 (T,): 0 where there is no annotation.
    """
    shortest, longest = lengths
    if shortest == longest:
        clip = _clip(feed, n, tf.constant(longest))
        # A static T lets the model unroll its recurrence.
        return {
            name: tf.ensure_shape(value, (longest, *value.shape[1:]))
            for name, value in clip.items()
        }

    def random_length(n):
        # One T for a whole batch, on every worker, since its clips are stacked.
        draw = generator(feed.seed, "length", n // batch_size)
        return np.int32(draw.integers(shortest, longest + 1))

    length = python_step(random_length, [n], tf.int32)
    return _clip(feed, n, tf.ensure_shape(length, ()))


def _clip(feed: ClipFeed, n: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
    if not feed.makes_scenes:
        return _video_clip(feed, n, length)
    if not feed.makes_videos:
        return _scene_clip(feed, n, length)
    return tf.cond(
        tf.ensure_shape(python_step(feed.is_scene, [n], tf.bool), ()),
        lambda: _scene_clip(feed, n, length),
        lambda: _video_clip(feed, n, length),
    )


def _video_clip(feed, n, length):
    def read(n, length):
        clip = feed.clip(int(n), int(length))
        return *frame_arrays(clip), clip.masks, clip.weights

    types = (*FRAME_TYPES, tf.uint8, tf.float32)
    *frames, masks, weights = python_step(read, [n, length], types)
    return {
        "frames": clip_frames(frames, feed.size),
        "mask": tf.ensure_shape(masks, (None, *feed.size, feed.objects)),
        "weight": tf.ensure_shape(weights, (None,)),
    }


def _scene_clip(feed, n, length):
    def read(n):
        return tf.nest.flatten(feed.scene(int(n)))

    specs = tf.nest.flatten(SCENE_SPECS)
    tensors = python_step(read, [n], [spec.dtype for spec in specs])
    # numpy_function loses all shapes.
    tensors = [tf.ensure_shape(x, spec.shape) for x, spec in zip(tensors, specs, strict=True)]
    scene = tf.nest.pack_sequence_as(SCENE_SPECS, tensors)
    # Forked, since `training_example` draws from the same element's stream.
    draws = Draws.of_element(feed.seed, n).fork()
    config = feed.augmentation.pictures
    clip = synthetic_clip(scene, draws, length, feed.size, config, feed.objects)
    return {**clip, "weight": tf.ones([length])}
