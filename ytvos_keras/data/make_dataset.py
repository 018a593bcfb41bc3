"""Records of videos and pictures as a `tf.data` pipeline of training clips."""

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from ytvos_keras.data.clip_feed import ClipFeed, Data
from ytvos_keras.data.clip_frames import FRAME_TYPES, clip_frames, frame_arrays
from ytvos_keras.data.config import Augmentation, TeacherForcing
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.python_step import python_step
from ytvos_keras.data.sampling import MAX_STEP, MIN_OBJECT
from ytvos_keras.data.seeds import generator
from ytvos_keras.data.synthetic import ScenePictures, synthetic_clip
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
    split: str | None = "train",
    exclude: Collection[str] = (),
    percent: float = 100.0,
    min_object: float = MIN_OBJECT,
    max_step: int = MAX_STEP,
    parallel: int | None = None,
) -> tf.data.Dataset:
    """An endless stream of clips, each of one object, for `model.fit`.

    Clip number n depends on `seed`, n and the arguments alone: not on the clips before it, on
    the number of threads or on the time. Only the frames of a clip are read and decoded, wherever
    they lie in the shards, so that order is random over the whole of the data and memory stays
    flat. The rules of drawing are those of `ClipSampler`. Records of several frames are cut into
    clips (section 4.3 of the paper); records of one frame, that is pictures, become clips in
    which object, background and further objects from other pictures move on their own.

    Args:
        data: a folder that `ytvos-prepare` wrote; several folders, whose videos count alike; or
            folders with their shares of the clips, such as `{"youtube-vos": 3, "pictures": 1}`.
        clip_length: frames a clip (T); for two numbers T is random between them, both included,
            and the same in all clips of a batch.
        frames: `"annotated"` draws annotated frames only (the paper's first stage), `"any"` also
            the others, with a weight of 0 (its second stage).
        size: height and width of the clips in pixels.
        batch_size: clips a batch, of all workers together (B); `None` for single clips without a
            batch dimension.
        seed: another seed gives another stream.
        start: number of the first clip: how many clips all workers together have had before. It
            must be a multiple of `batch_size`.
        worker: number of this worker, from 0, and how many there are. Worker w of W gets the clips
            whose number leaves w when divided by W, and batches of B ÷ W of them; its k-th batch
            holds a W-th part of the k-th batch of a single worker.
        augment: whether frames, masks and colours of clips are changed at random, or how. Without,
            a video is only pressed into `size` (section 4.3), and a picture stands still.
        teacher_forcing: adds the inputs for it, see below.
        on_corrupt: what to do with a frame or mask whose bytes are damaged: `"skip"` names it once
            in the log `ytvos_keras` and draws another clip in its place, `"raise"` stops.
        split: of the records; `None` for all.
        exclude: names of videos to leave out, such as all on which the model will be judged;
            `segtrack2` stands for all `segtrack2/…`.
        percent: share of each folder's videos, chosen by their names; a larger share holds every
            smaller one (Table 4).
        min_object: least size of the object where a clip begins, in shares of the frame.
        max_step: bound on the pace of a clip, see `ClipSampler`.
        parallel: clips made at the same time; default: as many as TensorFlow finds useful.

    Returns:
        A dataset of `(inputs, targets, sample_weight)`. Inputs are `"frames"` uint8
        (B, T, height, width, 3), RGB 0-255, and `"mask"` uint8 (B, height, width, 1), 1 on the
        object in frame 0, in which it is always seen. With `teacher_forcing` also
        `"previous_masks"` uint8 (B, T-1, height, width, 1) 0/1 of frames 0…T-2, and
        `"teacher_forcing"` float32 (B, T-1): 1 where the model should see the previous mask
        instead of its own, never where that frame is not annotated. Targets are float32
        (B, T-1, height, width, 1) 0/1 of frames 1…T-1, 0 where there is no annotation. Weights are
        float32 (B, T-1): 0 where there is no annotation, and where the video was too short and
        its last frame is repeated; else 1.

    Raises:
        InputError: a folder is none of records, is incomplete, was written by another version, or
            holds nothing to draw from.
        ValueError: an argument is out of range.
        tf.errors.InvalidArgumentError: while running, with `on_corrupt="raise"`: the message names
            the damaged frame.

    Example:
        ```python
        dataset = make_dataset("youtube-vos-records", batch_size=4)
        model.fit(dataset, steps_per_epoch=500, epochs=80)
        ```
    """
    shortest, longest = (clip_length,) * 2 if isinstance(clip_length, int) else clip_length
    _check(shortest, longest, batch_size, start, worker)
    if augment is True:
        augment = Augmentation()
    feed = ClipFeed(
        data,
        split=split,
        exclude=exclude,
        percent=percent,
        frames=frames,
        size=size,
        seed=seed,
        augmentation=augment or None,
        min_object=min_object,
        max_step=max_step,
        on_corrupt=on_corrupt,
    )

    def random_length(n):
        lengths = generator(seed, "length", n // (batch_size or 1))
        return np.int32(lengths.integers(shortest, longest + 1))

    def make(n):
        if shortest == longest:
            clip = _clip(feed, n, tf.constant(longest))
            clip = {
                name: tf.ensure_shape(value, (longest, *value.shape[1:]))
                for name, value in clip.items()
            }
        else:
            length = python_step(random_length, [n], tf.int32)
            clip = _clip(feed, n, tf.ensure_shape(length, ()))
        return training_example(Draws.of_element(seed, n), clip, n, size, teacher_forcing)

    number, workers = worker
    dataset = tf.data.Dataset.counter(start=start + number, step=workers).map(
        tf.autograph.experimental.do_not_convert(make),
        num_parallel_calls=parallel or tf.data.AUTOTUNE,
        deterministic=True,
    )
    if batch_size is not None:
        dataset = dataset.batch(batch_size // workers, drop_remainder=True)
    return dataset.prefetch(2).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # Cores are busy with whole clips; sharing out single ops among them costs more than it brings.
    options.threading.max_intra_op_parallelism = 1
    return options


def _check(shortest, longest, batch_size, start, worker) -> None:
    if not 2 <= shortest <= longest:
        raise ValueError(
            "A clip needs a first frame and at least one to predict: give clip_length of 2 or "
            f"more, or (fewest, most). Received: {shortest} to {longest} frames"
        )
    number, workers = worker
    if not 0 <= number < workers:
        raise ValueError(
            f"worker is (number, how many), the number from 0 on. Received: worker={tuple(worker)}"
        )
    if (batch_size or workers) % workers:
        raise ValueError(
            "batch_size is that of all workers together and must be a multiple of their number. "
            f"Received: batch_size={batch_size}, worker={tuple(worker)}"
        )
    if start < 0 or start % (batch_size or 1):
        raise ValueError(
            "start counts the clips of whole batches: give a multiple of batch_size. "
            f"Received: start={start}, batch_size={batch_size}"
        )


def _clip(feed: ClipFeed, n: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
    """Clip number n: `"frames"`, `"mask"` and `"weight"`."""
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
        "mask": tf.ensure_shape(masks, (None, *feed.size, 1)),
        "weight": tf.ensure_shape(weights, (None,)),
    }


def _scene_clip(feed, n, length):
    def read(n):
        scene = feed.scene(int(n))
        return (
            scene.image,
            scene.background,
            *scene.images,
            scene.mask,
            *scene.masks,
            np.bool_(scene.passes),
        )

    *pictures, passes = python_step(read, [n], [tf.uint8] * 4 + [tf.bool] * 4)
    image, background, *images = (tf.ensure_shape(p, (None, None, 3)) for p in pictures[:4])
    mask, *masks = (tf.ensure_shape(p, (None, None)) for p in pictures[4:])
    scene = ScenePictures(
        image, mask, background, tuple(images), tuple(masks), tf.ensure_shape(passes, ())
    )
    draws = Draws.of_element(feed.seed, n).fork()
    clip = synthetic_clip(scene, draws, length, feed.size, feed.augmentation.pictures)
    return {**clip, "weight": tf.ones([length])}
