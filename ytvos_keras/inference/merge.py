"""Merge one probability map per object into one label per pixel."""

import tensorflow as tf

BACKGROUND = 0.5


def merge_probabilities(probabilities: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Resize probabilities and assign every pixel to its most probable object.

    The maps are resized bilinearly (half-pixel centres), then the label is the argmax over
    [0.5, p₁, …, p_K]: the rule of the paper's authors. A pixel at exactly 0.5 is background; ties
    between objects go to the first. Objects are compared sequentially, so that memory does not grow
    with their number.

    Args:
        probabilities: float32 (K, h, w, 1), 0–1; K may be 0.
        size: height and width of the result, in pixels.

    Returns:
        uint8 (H, W): 0 for background, k for the k-th map (counted from 1).

    References:
        - Xu et al., YouTube-VOS, ECCV 2018, section 4; the merging script of L. Yang, an author.
    """
    size = tf.convert_to_tensor(size, tf.int32)
    count = tf.shape(probabilities)[0]

    def compare(index, best, labels):
        candidate = tf.image.resize(probabilities[index], size)[..., 0]
        # Strictly greater: background wins at 0.5, and the first of several equal objects.
        better = candidate > best
        label = tf.cast(index + 1, tf.uint8)
        return index + 1, tf.where(better, candidate, best), tf.where(better, label, labels)

    start = (tf.constant(0), tf.fill(size, BACKGROUND), tf.zeros(size, tf.uint8))
    # One object at a time, so that resized maps do not accumulate.
    return tf.while_loop(lambda i, *_: i < count, compare, start, parallel_iterations=1)[2]
