"""From a clip to what a model is trained on: `(inputs, targets, sample_weight)`."""

import tensorflow as tf

from ytvos_keras.data.config import TeacherForcing
from ytvos_keras.data.corrupt import corrupt_masks
from ytvos_keras.data.draws import Draws


def training_example(
    draws: Draws,
    clip: dict[str, tf.Tensor],
    n: tf.Tensor,
    size: tuple[int, int],
    teacher_forcing: TeacherForcing | None,
):
    """The example of clip number n, without a batch dimension.

    Args:
        draws: source of randomness.
        clip: `"frames"` (T, H, W, 3) and `"mask"` (T, H, W, N), uint8, and `"weight"` float32
            (T,): 0 where there is no annotation.
        n: number of the clip.
        size: height and width.
        teacher_forcing: None leaves out the previous masks.

    Returns:
        See `make_dataset`.
    """
    masks, weight = clip["mask"], clip["weight"]
    inputs = {"frames": clip["frames"], "mask": masks[0]}
    if teacher_forcing is not None:
        # A frame without annotation has no mask to show; that of frame 0 is given in any case.
        known = tf.concat([tf.ones([1]), weight[1:-1]], axis=0)
        forced = draws.coin(_probability(n, teacher_forcing), tf.shape(known))
        inputs["previous_masks"] = _previous(draws, masks[:-1], size, teacher_forcing)
        inputs["teacher_forcing"] = forced * known
    weights = weight[1:]
    if masks.shape[-1] > 1:
        # An object that is not in frame 0 is one that the clip does not have.
        present = tf.reduce_max(masks[0], axis=(0, 1))
        weights = weights[:, None] * tf.cast(present, tf.float32)  # (T − 1, N)
    return inputs, tf.cast(masks[1:], tf.float32), weights


def _probability(n: tf.Tensor, config: TeacherForcing) -> tf.Tensor:
    # By clip number, not by time, so that a resumed run has the same schedule.
    fallen = (tf.cast(n, tf.float32) - config.held) / max(config.clips, 1)
    return 1.0 - (1.0 - config.least) * tf.clip_by_value(fallen, 0.0, 1.0)


def _previous(draws: Draws, masks: tf.Tensor, size, config: TeacherForcing) -> tf.Tensor:
    faults = draws.fork()
    # The first of them is given, not predicted: it stays as it is.
    faulty = tf.cond(
        draws.coin(config.corruption) > 0,
        lambda: corrupt_masks(faults, masks[1:], size),
        lambda: masks[1:],
    )
    return tf.concat([masks[:1], faulty], axis=0)
