"""`tf.data` pipelines of training clips: `(inputs, targets, sample_weight)`."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from ytvos_keras.data.config import SyntheticConfig
from ytvos_keras.data.corrupt import corrupt_masks
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.pictures import MIN_OBJECT, PictureTable, list_pictures
from ytvos_keras.data.synthetic import synthetic_clip


def make_synthetic_dataset(
    root: str | Path,
    *,
    clip_length: int = 5,
    size: tuple[int, int] = (192, 320),
    batch_size: int | None = 4,
    seed: int = 0,
    start: int = 0,
    teacher_clips: int = 2000,
    corruption: float = 0.25,
    exclude: Sequence[str] = (),
    config: SyntheticConfig | None = None,
    min_object: float = MIN_OBJECT,
    parallel: int | None = None,
) -> tf.data.Dataset:
    """An endless stream of clips made from pictures with instance masks.

    Clip n depends on `seed` and n alone. Every picture is the target's once before any is again.

    Args:
        root: a folder of sources `<source>/{img,mask}`, see `list_pictures`.
        clip_length: frames a clip (T), at least 2.
        size: height and width of the frames in pixels.
        batch_size: clips a batch (B); `None` for single clips without a batch dimension.
        seed: another seed gives another stream.
        start: number of the first clip, such as the count of those that a resumed run has had.
        teacher_clips: the probability of teacher forcing falls from 1 to 0 over so many clips.
        corruption: share of clips whose previous masks have faults.
        exclude: names `<source>` or `<source>/<stem>` to leave out.
        config: ranges of motion and appearance; default `SyntheticConfig()`.
        min_object: smallest object that is used, in shares of its picture.
        parallel: clips made at the same time; default: as many as TensorFlow finds useful.

    Returns:
        A dataset of `(inputs, targets, sample_weight)`. Inputs are `"frames"` uint8
        (B, T, H, W, 3) 0-255, `"mask"` uint8 (B, H, W, 1) 0/1 of frame 0, `"previous_masks"` uint8
        (B, T-1, H, W, 1) 0/1 of frames 0...T-2, and `"teacher_forcing"` float32 (B, T-1): 1 where
        the model should see the previous mask instead of its own. Targets are float32
        (B, T-1, H, W, 1) 0/1 of frames 1...T-1; weights are float32 (B, T-1), all ones.

    Raises:
        InputError: there are no usable pictures.
        ValueError: `clip_length` is less than 2.

    Example:
        ```python
        dataset = make_synthetic_dataset("images", batch_size=4, seed=1)
        model.fit(dataset, steps_per_epoch=500, epochs=10)
        ```
    """
    check_clip_length(clip_length)
    pictures = PictureTable(list_pictures(root, exclude), min_object)
    config = config or SyntheticConfig()

    def make(n):
        draws = Draws.of_element(seed, n)
        index = shuffled_index(n, seed, pictures.count)
        clip = synthetic_clip(pictures, index, draws, clip_length, size, config)
        return training_example(draws, clip, n, size, teacher_clips, corruption)

    return clip_stream(make, start, batch_size, parallel)


def check_clip_length(clip_length: int) -> None:
    """Refuses clips without a frame to predict."""
    if clip_length < 2:
        raise ValueError(
            "A clip needs a reference frame and at least one frame to predict: give clip_length "
            f"of 2 or more. Received: clip_length={clip_length}"
        )


def shuffled_index(n: tf.Tensor, seed: int, count: int) -> tf.Tensor:
    """Element n of an endless row of permutations of `count` numbers: int32 scalar."""
    epoch = tf.cast(n // count, tf.int32)
    key = tf.stack([tf.constant(seed & 0x7FFFFFFF), epoch])
    place = tf.cast(n % count, tf.int32)
    return tf.random.experimental.index_shuffle(place, key, tf.constant(count - 1))


def training_example(draws, clip, n, size, teacher_clips: int, corruption: float):
    """`(inputs, targets, sample_weight)` of clip number n, without a batch dimension.

    Args:
        draws: source of randomness.
        clip: `"frames"` (T, H, W, 3) and `"mask"` (T, H, W, 1), uint8; and, where not every frame
            counts, `"weight"` float32 (T,).
        n: number of the clip.
        size: height and width.
        teacher_clips: see `make_synthetic_dataset`.
        corruption: see `make_synthetic_dataset`.
    """
    masks, steps = clip["mask"], clip["frames"].shape[0] - 1
    probability = 1.0 - tf.cast(n, tf.float32) / max(teacher_clips, 1)
    previous = masks[:-1]
    faults = draws.fork()
    if steps > 1:
        # The first of them is given, not predicted: it stays as it is.
        faulty = tf.cond(
            draws.coin(corruption) > 0,
            lambda: corrupt_masks(faults, previous[1:], size),
            lambda: previous[1:],
        )
        previous = tf.concat([previous[:1], faulty], axis=0)
    inputs = {
        "frames": clip["frames"],
        "mask": masks[0],
        "previous_masks": previous,
        "teacher_forcing": draws.coin(probability, (steps,)),
    }
    weight = clip["weight"][1:] if "weight" in clip else tf.ones([steps])
    return inputs, tf.cast(masks[1:], tf.float32), weight


def clip_stream(make, start: int, batch_size: int | None, parallel: int | None) -> tf.data.Dataset:
    """Maps `make` over the numbers from `start` on, batched and prefetched."""
    dataset = tf.data.Dataset.counter(start=start, step=1)
    dataset = dataset.map(
        tf.autograph.experimental.do_not_convert(make),
        num_parallel_calls=parallel or tf.data.AUTOTUNE,
        deterministic=True,
    )
    if batch_size is not None:
        dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.prefetch(2)
