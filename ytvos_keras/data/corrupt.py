"""Corrupt previous masks like a model's errors: holes, growth, false blobs."""

import tensorflow as tf

from ytvos_keras.data.draws import Draws

_COARSE = 6  # rows and columns of the random field whose peaks are the blobs


def corrupt_masks(draws: Draws, masks: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Erase blobs, grow the mask in places, or add false blobs, in each mask independently.

    Args:
        draws: source of randomness.
        masks: uint8 (frames, height, width, 1), 0 or 1.
        size: height and width.

    Returns:
        uint8 tensor of the same shape, 0 or 1.
    """
    length = tf.shape(masks)[0]
    seeds = [draws.next_seed() for _ in range(3)]
    chosen = draws.coin(0.5, (3, length, 1, 1, 1)) > 0

    def blobs(k: int, threshold: float) -> tf.Tensor:
        coarse = tf.random.stateless_uniform([length, _COARSE, _COARSE, 1], seeds[k])
        return (tf.image.resize(coarse, size, "bicubic") > threshold) & chosen[k]

    # Odd, so that max pooling, a dilation, grows the mask equally to all sides.
    side = 2 * (min(size) // 24) + 1
    grown = tf.nn.max_pool2d(tf.cast(masks, tf.float32), side, 1, "SAME") > 0
    mask = (masks > 0) | (grown & blobs(1, 0.5)) | blobs(2, 0.93)
    return tf.cast(mask & ~blobs(0, 0.72), tf.uint8)
