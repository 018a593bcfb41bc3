"""Training clips from annotated videos in the layout of DAVIS and YouTube-VOS."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ytvos_keras.data.appearance import film
from ytvos_keras.data.clips import (
    check_clip_length,
    clip_stream,
    shuffled_index,
    training_example,
)
from ytvos_keras.data.config import AppearanceConfig, MotionConfig
from ytvos_keras.data.cutout import aim, measure, whole
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.motion import covering_pose, random_pose, source_positions
from ytvos_keras.data.pictures import VOID, Picture, PictureTable, read_labels
from ytvos_keras.data.warp import warp
from ytvos_keras.errors import InputError

MAX_STRIDE = 5  # largest step from one frame of a clip to the next, in annotated frames
MIN_SHARE = 0.002  # least area of the object in the reference frame, in shares of the frame

# The crop moves a little, like a hand-held camera; the rest of the motion is the video's own.
_CROP = MotionConfig(
    translation=0.006, rotation=0.006, scale=0.006, stretch=0.0, shear=0.0,
    still=0.5, jump=0.0, elastic=0.0, limbs=0.0,
)  # fmt: skip
_APPEARANCE = AppearanceConfig(drift=0.1, shading=0.04, blur=0.15, noise=0.15, jpeg=0.15)


def list_sequences(root: str | Path, exclude: Sequence[str] = ()) -> dict[str, list[Picture]]:
    """Lists annotated frames by sequence.

    A source is a folder with `JPEGImages/<sequence>/<frame>.jpg` and
    `Annotations/<sequence>/<frame>.png`. Frames without an annotation are left out.

    Args:
        root: a source, or a folder of sources.
        exclude: names `<source>` or `<source>/<sequence>` to leave out.

    Returns:
        The frames in order by `<source>/<sequence>`.

    Raises:
        InputError: no annotated sequence is found.
    """
    root = Path(root)
    single = (root / "JPEGImages").is_dir()
    sources = [root] if single else sorted(p.parent for p in root.glob("*/JPEGImages"))
    sequences = {}
    for source in sources:
        for folder in sorted((source / "JPEGImages").iterdir()):
            name = f"{source.resolve().name}/{folder.name}"
            if name in exclude or name.split("/")[0] in exclude or not folder.is_dir():
                continue
            masks = source / "Annotations" / folder.name
            frames = [
                Picture(f"{name}/{image.stem}", image, masks / f"{image.stem}.png")
                for image in sorted(folder.iterdir())
                if (masks / f"{image.stem}.png").is_file()
            ]
            if frames:
                sequences[name] = frames
    if not sequences:
        raise InputError(
            f"{root} has no annotated sequences. Expected <source>/JPEGImages/<sequence>/*.jpg "
            f"with Annotations beside JPEGImages. Received: exclude={list(exclude)}"
        )
    return sequences


def make_video_clips_dataset(
    root: str | Path,
    *,
    exclude: Sequence[str] = (),
    clip_length: int = 5,
    size: tuple[int, int] = (192, 320),
    batch_size: int | None = 4,
    seed: int = 0,
    start: int = 0,
    teacher_clips: int = 2000,
    corruption: float = 0.25,
    max_stride: int = MAX_STRIDE,
    parallel: int | None = None,
) -> tf.data.Dataset:
    """An endless stream of clips cut from annotated videos.

    The elements are those of `make_synthetic_dataset`, so that both can be mixed with
    `tf.data.Dataset.sample_from_datasets`. A clip shows one object, in every n-th frame (n up to
    `max_stride`), forwards or backwards, in a random crop, mirrored half of the time. Every
    object of every sequence is shown once before any is again.

    Args:
        root: a folder of sources, see `list_sequences`.
        exclude: names `<source>` or `<source>/<sequence>` to leave out, such as all on which
            the model will be judged.
        clip_length: frames a clip (T); sequences with fewer annotated frames are left out.
        size: height and width of the frames in pixels.
        batch_size: clips a batch (B); `None` for single clips without a batch dimension.
        seed: another seed gives another stream.
        start: number of the first clip.
        teacher_clips: see `make_synthetic_dataset`.
        corruption: see `make_synthetic_dataset`.
        max_stride: largest step between frames, in annotated frames.
        parallel: clips made at the same time.

    Returns:
        A dataset of `(inputs, targets, sample_weight)`.

    Raises:
        InputError: no sequence is long enough and has an object.
        ValueError: `clip_length` is less than 2.
    """
    check_clip_length(clip_length)
    videos = _VideoTable(list_sequences(root, exclude), clip_length)

    def make(n):
        draws = Draws.of_element(seed, n)
        clip = _video_clip(videos, n, seed, draws, clip_length, size, max_stride)
        return training_example(draws, clip, n, size, teacher_clips, corruption)

    return clip_stream(make, start, batch_size, parallel)


class _VideoTable:
    """Frames of all sequences in one `PictureTable`, and the frames in which each object is seen.

    Args:
        sequences: what `list_sequences` found.
        clip_length: shorter sequences are left out.
    """

    def __init__(self, sequences: dict[str, list[Picture]], clip_length: int):
        long = {name: frames for name, frames in sequences.items() if len(frames) >= clip_length}
        objects, visible, frames_before = [], [], 0
        for frames in long.values():
            shares = np.stack([_shares(read_labels(frame.mask)) for frame in frames])
            for number in np.flatnonzero((shares >= MIN_SHARE).any(axis=0)):
                objects.append((frames_before, len(frames), number))
                visible.append(np.flatnonzero(shares[:, number] >= MIN_SHARE))
            frames_before += len(frames)
        if not objects:
            raise InputError(
                f"None of {len(sequences)} sequences has {clip_length} annotated frames and an "
                f"object of {MIN_SHARE:.1%} of the frame. Give other videos or shorter clips."
            )
        frames = [frame for sequence in long.values() for frame in sequence]
        self.table = PictureTable(frames, min_object=None)
        self.count = len(objects)
        self.objects = tf.constant(objects, tf.int32)
        self.visible = tf.ragged.constant(visible, dtype=tf.int32)


def _shares(labels: np.ndarray) -> np.ndarray:
    """Share of the frame that each number 0-255 has; none for background and undecided pixels."""
    areas = np.bincount(labels.reshape(-1), minlength=256)
    areas[[0, VOID]] = 0
    return areas / labels.size


def _video_clip(videos: _VideoTable, n, seed: int, draws: Draws, length: int, size, max_stride):
    """One clip, as `synthetic_clip` returns it."""
    chosen = shuffled_index(n, seed, videos.count)
    first, count, number = tf.unstack(videos.objects[chosen])
    seen = videos.visible[chosen]
    reference = seen[draws.integer(0, tf.size(seen))]
    places = first + _frame_numbers(draws, reference, count, length, max_stride)
    number = tf.cast(number, tf.uint8)
    pairs = [videos.table.read(places[t]) for t in range(length)]
    masks = [labels == number for _, labels in pairs]
    motion = _Crop(draws, masks[0], length, size)
    images = [image for image, _ in pairs]
    planes = [motion.apply(images[t], masks[t], t) for t in range(length)]
    planes = tf.concat(planes, axis=1)
    planes = tf.ensure_shape(planes, [4, length, *size])
    frames = film(draws, planes[:3], size, _APPEARANCE)
    masks = tf.cast(planes[3][..., None] >= 127.5, tf.uint8)
    flipped = draws.coin(0.5) > 0
    return {
        "frames": tf.where(flipped, frames[:, :, ::-1], frames),
        "mask": tf.where(flipped, masks[:, :, ::-1], masks),
    }


def _frame_numbers(draws: Draws, reference, count, length: int, max_stride: int) -> tf.Tensor:
    """Frames of a clip that begins at the reference frame, forwards or backwards."""
    forwards = draws.coin(0.5) > 0
    room = tf.where(forwards, count - 1 - reference, reference)
    # Where one direction has no room for the clip, it goes the way that has more.
    other = count - 1 - room
    turn = (room < length - 1) & (other > room)
    forwards, room = forwards ^ turn, tf.where(turn, other, room)
    stride = tf.clip_by_value(room // (length - 1), 1, draws.integer(1, max_stride + 1))
    step = tf.minimum(tf.range(length) * stride, room)
    return reference + tf.where(forwards, step, -step)


class _Crop:
    """A crop with the object in it, alike in all frames but for a slight motion of the camera."""

    def __init__(self, draws: Draws, mask, length: int, size: tuple[int, int]):
        frame = tf.constant([size[1], size[0]], tf.float32)
        shape = tf.cast(tf.reverse(tf.shape(mask), [0]), tf.float32)
        measured = measure(mask)
        enlargement = draws.log_uniform((), 1.0, 2.2)
        cover = tf.reduce_max(frame / shape)
        # No closer than what shows the whole object, unless the frame itself cuts it.
        scale = cover * tf.clip_by_value(
            enlargement, 1.0, tf.maximum(tf.reduce_min(frame / measured.extent) / cover, 1.0)
        )
        margin = tf.minimum(measured.extent * scale, frame) / 2.0
        start = margin + draws.uniform((2,)) * (frame - 2.0 * margin)
        start = aim(draws, start, mask, measured.centre, scale, frame)
        centre = measured.centre + 0.5
        start = tf.clip_by_value(start, frame - (shape - centre) * scale, centre * scale)
        pose = random_pose(draws, start, length, size, _CROP)
        self.pose = covering_pose(pose, centre, shape, scale, size)
        self.scale, self.size, self.measured = scale, size, measured

    def apply(self, image, mask, t: int) -> tf.Tensor:
        """Planes (4, 1, height, width) of frame `t`."""
        pose = type(self.pose)(*(values[t : t + 1] for values in self.pose))
        layer = whole(image, mask, self.scale, self.measured)
        positions = source_positions(pose, layer.origin, layer.scale, None, self.size)
        return warp(layer.image, positions, "clamp")
