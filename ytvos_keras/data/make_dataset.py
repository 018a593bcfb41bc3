"""A `tf.data` pipeline of training clips from records of videos and images."""

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from ytvos_keras.data.augmentation import Augmentation, TeacherForcing
from ytvos_keras.data.clip_feed import ClipFeed, Data
from ytvos_keras.data.clip_tensors import clip_tensors
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.python_step import python_step
from ytvos_keras.data.rough_masks import random_trimap
from ytvos_keras.data.sampling import MAX_STEP, MIN_OBJECT
from ytvos_keras.data.seeds import generator
from ytvos_keras.data.training_example import training_example


def make_dataset(
    data: Data,
    *,
    clip_length: int | tuple[int, int] = (5, 11),
    frames: str = "annotated",
    size: tuple[int, int] = (256, 448),
    batch_size: int | None = 4,
    seed: int = 0,
    start: int = 0,
    worker: tuple[int, int] = (0, 1),
    augment: bool | Augmentation = True,
    teacher_forcing: TeacherForcing | None = None,
    on_corrupt: str = "skip",
    split: str | tuple[str, ...] | None = "train",
    exclude: Collection[str] = (),
    percent: float = 100.0,
    min_object: float = MIN_OBJECT,
    max_step: int = MAX_STEP,
    objects: int = 1,
    rough_masks: bool = False,
    parallel: int | None = None,
) -> tf.data.Dataset:
    """Create an endless dataset of clips for `model.fit`, of one object each by default.

    Clip number n depends only on `seed`, n and the arguments, not on earlier clips, threads or
    timing. Only the frames of a clip are read, by random access into the shards: the shuffle covers
    the whole data set, and memory use is constant. `ClipSampler` documents how frames are chosen.
    Videos are cut into clips (section 4.3 of the paper); single images become clips in which the
    object, the background and objects from other images move independently.

    Args:
        data: a folder written by `ytvos-prepare`; several folders, all videos equally likely; or
            folders with their shares of the clips, such as `{"youtube-vos": 3, "pictures": 1}`.
        clip_length: frames per clip (T), or the inclusive range from which T is drawn for each
            batch.
        frames: `"annotated"` for annotated frames only (the paper's first stage); `"any"` for all,
            with weight 0 where there is no annotation (its second stage).
        size: height and width of the clips in pixels.
        batch_size: clips per batch (B), over all workers; `None` for no batch dimension.
        seed: seed of the whole stream.
        start: number of the first clip, to resume a stream; a multiple of `batch_size`.
        worker: `(w, W)`: this is worker w of W. It gets the clips with n mod W = w in batches of B
            ÷ W, so that the k-th batches of all workers make up the k-th batch of a single one.
        augment: whether to augment clips, or the ranges. Without augmentation, videos are only
            resized to `size` (section 4.3), and images stand still.
        teacher_forcing: adds inputs for teacher forcing, see below.
        on_corrupt: for damaged frames and masks, `"skip"` logs each once and draws another clip,
            `"raise"` raises an error.
        split: name of a split of the records; `None` for all; several names for the first of them
            in each folder, or for all splits of a folder that has none of them.
        exclude: names of videos to leave out, such as those of a test set; `segtrack2` stands for
            all `segtrack2/…`.
        percent: percentage of each folder's videos to use, chosen by name; a larger one contains
            every smaller one (Table 4).
        min_object: smallest object in the first frame of a clip, as a fraction of the frame.
        max_step: largest mean frame distance, see `ClipSampler`.
        objects: objects per clip (N), for models whose objects see each other. The first is chosen
            as always; the others are further objects of the first frame, if it has any.
        rough_masks: whether the mask in the inputs is a random trimap, as from a box or a scribble,
            from which the model is to find the mask of the same frame: all frames of a clip are
            frame 0.
        parallel: number of clips made in parallel; None lets TensorFlow decide.

    Returns:
        A dataset of `(inputs, targets, sample_weight)`. Inputs are `"frames"` uint8
        (B, T, height, width, 3), RGB 0-255, and `"mask"` uint8 (B, height, width, 1), 1 on the
        object in frame 0; with `rough_masks` float32, 0.5 where that is unknown. With
        `teacher_forcing` also `"previous_masks"` uint8 (B, T-1, height, width, 1) 0/1 of frames
        0…T-2, and `"teacher_forcing"` float32 (B, T-1): 1 where the model should see the previous
        mask instead of its prediction, always 0 where that frame is not annotated. Targets are
        float32 (B, T-1, height, width, 1) 0/1 of frames 1…T-1, 0 where there is no annotation.
        Weights are float32 (B, T-1): 0 for frames without annotation, and for repeats of the last
        frame of a video that is too short; else 1. With N objects, the last dimension of masks and
        targets is N, and weights are (B, T-1, N). They are 0 for objects that a clip does not have,
        or that are too thin to be seen in frame 0.

    Raises:
        InputError: a folder does not contain records, is incomplete, was written by another
            version, or has no usable video.
        ValueError: an argument is out of range.
        tf.errors.InvalidArgumentError: while running, with `on_corrupt="raise"`: the message names
            the damaged frame.

    Example:
        ```python
        dataset = make_dataset("youtube-vos-records", batch_size=4)
        model.fit(dataset, steps_per_epoch=500, epochs=80)
        ```
    """
    lengths = (clip_length, clip_length) if isinstance(clip_length, int) else clip_length
    _check_stream(lengths, batch_size, start, worker)
    _check_objects(objects, rough_masks, teacher_forcing)
    feed = ClipFeed(
        data,
        split=split,
        exclude=exclude,
        percent=percent,
        frames=frames,
        size=size,
        seed=seed,
        augmentation=Augmentation() if augment is True else augment or None,
        min_object=min_object,
        max_step=max_step,
        objects=objects,
        on_corrupt=on_corrupt,
    )

    def make(n):
        clip = clip_tensors(feed, n, lengths, batch_size or 1)
        if rough_masks:
            clip = _still(clip)
        example = training_example(Draws.of_element(seed, n), clip, n, size, teacher_forcing)
        return _with_rough_mask(example, seed, n) if rough_masks else example

    number, workers = worker
    dataset = tf.data.Dataset.counter(start=start + number, step=workers).map(
        # Conditions are written with tf.cond, so there is nothing to convert.
        tf.autograph.experimental.do_not_convert(make),
        num_parallel_calls=parallel or tf.data.AUTOTUNE,
        deterministic=True,  # in order, whichever thread finishes first
    )
    if batch_size is not None:
        # The stream is endless; drop_remainder makes the batch dimension static.
        dataset = dataset.batch(batch_size // workers, drop_remainder=True)
    return dataset.prefetch(2).with_options(_options())


def _still(clip: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The clip with frame 0, which is annotated, in place of every frame."""
    still = {name: tf.broadcast_to(x[:1], tf.shape(x)) for name, x in clip.items()}
    return {name: tf.ensure_shape(x, clip[name].shape) for name, x in still.items()}


def _with_rough_mask(example, seed: int, n: tf.Tensor):
    """The example with a random trimap as its mask."""
    inputs, targets, weights = example

    def rough(mask, n):
        if not mask.any():  # too thin to be seen: of weight 0
            return mask.astype(np.float32)
        return random_trimap(mask[..., 0] > 0, generator(seed, "rough", int(n)))[..., None]

    mask = python_step(rough, [inputs["mask"], n], tf.float32)
    mask = tf.ensure_shape(mask, inputs["mask"].shape)
    return {**inputs, "mask": mask}, targets, weights


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # Clips already run in parallel; splitting single ops over threads would only add overhead.
    options.threading.max_intra_op_parallelism = 1
    return options


def _check_objects(objects: int, rough_masks: bool, teacher_forcing: TeacherForcing | None) -> None:
    if objects < 1 or (objects > 1 and teacher_forcing is not None):
        raise ValueError(
            "objects must be 1 or more, and 1 with teacher_forcing. Received: objects="
            f"{objects}, teacher_forcing={teacher_forcing}"
        )
    if rough_masks and (objects > 1 or teacher_forcing is not None):
        raise ValueError(
            "rough_masks needs one object, and no teacher_forcing. Received: objects="
            f"{objects}, teacher_forcing={teacher_forcing}"
        )


def _check_stream(
    lengths: tuple[int, int], batch_size: int | None, start: int, worker: tuple[int, int]
) -> None:
    shortest, longest = lengths
    if not 2 <= shortest <= longest:
        raise ValueError(
            "A clip needs a first frame and at least one to predict: give clip_length of 2 or "
            f"more, or (fewest, most). Received: {shortest} to {longest} frames"
        )
    number, workers = worker
    if not 0 <= number < workers:
        raise ValueError(
            f"worker must be (number, count), with numbers from 0. Received: worker={tuple(worker)}"
        )
    if (batch_size or workers) % workers:
        raise ValueError(
            "batch_size is for all workers together and must be a multiple of their number. "
            f"Received: batch_size={batch_size}, worker={tuple(worker)}"
        )
    if start < 0 or start % (batch_size or 1):
        raise ValueError(
            "start counts the clips of whole batches: give a multiple of batch_size. "
            f"Received: start={start}, batch_size={batch_size}"
        )
