"""From a clip to a training example: `(inputs, targets, sample_weight)`."""

import tensorflow as tf

from ytvos_keras.data.augmentation import TeacherForcing
from ytvos_keras.data.draws import Draws

_COARSE = 6  # rows and columns of the random field whose peaks are the blobs


def training_example(
    draws: Draws,
    clip: dict[str, tf.Tensor],
    n: tf.Tensor,
    size: tuple[int, int],
    teacher_forcing: TeacherForcing | None,
):
    """The example of clip number n, as `make_dataset` yields it, without a batch dimension.

    The clip has `"frames"` (T, H, W, 3) and `"mask"` (T, H, W, N), uint8, and `"weight"` float32
    (T,): 0 where there is no annotation.
    """
    masks, weight = clip["mask"], clip["weight"]
    inputs = {"frames": clip["frames"], "mask": masks[0]}
    if teacher_forcing is not None:
        # A frame without annotation has no mask to show; that of frame 0 is given in any case.
        known = tf.concat([tf.ones([1]), weight[1:-1]], axis=0)
        forced = draws.coin(_probability(n, teacher_forcing), tf.shape(known))
        inputs["previous_masks"] = _previous(draws, masks[:-1], size, teacher_forcing)
        inputs["teacher_forcing"] = forced * known
    # An object that is missing from frame 0 does not exist in this clip: weight 0.
    present = tf.cast(tf.reduce_max(masks[0], axis=(0, 1)), tf.float32)
    weights = weight[1:, None] * present  # (T − 1, N)
    if masks.shape[-1] == 1:
        weights = weights[:, 0]
    return inputs, tf.cast(masks[1:], tf.float32), weights


def _probability(n: tf.Tensor, config: TeacherForcing) -> tf.Tensor:
    # By clip number, not by time, so that a resumed run has the same schedule.
    fallen = (tf.cast(n, tf.float32) - config.held) / max(config.clips, 1)
    return 1.0 - tf.clip_by_value(fallen, 0.0, 1.0)


def _previous(draws: Draws, masks: tf.Tensor, size, config: TeacherForcing) -> tf.Tensor:
    faults = draws.fork()
    # The first mask is given, not predicted, so it stays as it is.
    faulty = tf.cond(
        draws.coin(config.corruption) > 0,
        lambda: _corrupt(faults, masks[1:], size),
        lambda: masks[1:],
    )
    return tf.concat([masks[:1], faulty], axis=0)


def _corrupt(draws: Draws, masks: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Give each mask, uint8 (frames, height, width, 1), 0 or 1, errors like those of a model.

    Erase blobs, grow the mask in places, or add false blobs.
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
