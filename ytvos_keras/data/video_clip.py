"""A clip of a video: its encoded frames, how to transform them, and its masks."""

from typing import NamedTuple

import numpy as np

from ytvos_keras.data.augmentation import VideoConfig
from ytvos_keras.data.colours import colour_matrices, greying
from ytvos_keras.data.framing import Framing, Size, random_framing, whole_frame
from ytvos_keras.data.record_store import is_object, read_encoded, read_labels
from ytvos_keras.data.resample import resample_labels
from ytvos_keras.data.sampling import Drawn


class EmptyMaskError(Exception):
    """The object vanishes from the first frame at the working size."""


class EncodedClip(NamedTuple):
    """N objects in T frames, the frames still encoded.

    Args:
        images: T JPEG or PNG files.
        framing: which part of them is shown.
        colours: float32 (4, 3): rows for red, green and blue of the source and a constant, for
            values 0-255; empty if they stay as they are.
        masks: uint8 (T, height, width, N), 1 on each object; 0 where there is no annotation, and
            everywhere if the video has fewer than N objects.
        weights: float32 (T,), 0 where the loss must be ignored.
    """

    images: tuple[bytes, ...]
    framing: Framing
    colours: np.ndarray
    masks: np.ndarray
    weights: np.ndarray


def encoded_clip(
    drawn: Drawn,
    rng: np.random.Generator,
    size: Size,
    config: VideoConfig | None,
    min_object: float,
    objects: int = 1,
) -> EncodedClip:
    """Read a clip of the drawn object and others in the first frame, `objects` in total.

    Without a `config`, the clip is the whole frame, squeezed into `size`. The same applies if the
    random crop leaves the object smaller than `min_object`, as a fraction of the clip's first
    frame.

    Raises:
        UnreadableFrameError: a frame or mask is damaged.
        EmptyMaskError: the object is too thin for the working size.
    """
    video = drawn.video
    labels = read_labels(video, drawn.frames[0])
    first = is_object(labels, video, drawn.number)
    # Before the other masks are read: an empty one ends the attempt here.
    framing, sampled = _framing(first, rng, size, config, min_object)
    if not sampled.any():
        raise EmptyMaskError
    labels = resample_labels(labels, framing.matrix, size)
    numbers = [drawn.number, *_others(labels, drawn, rng, min_object, objects - 1)]
    masks = np.zeros((len(drawn.frames), *size, objects), np.uint8)
    for t, frame in enumerate(drawn.frames):
        # A repeat at the end of a video, or a still image: the mask is read only once.
        if t and frame == drawn.frames[t - 1]:
            masks[t] = masks[t - 1]
        # Masks of frames without annotation stay 0; their weight is 0 as well.
        elif video.masks[frame] is not None:
            if t:
                labels = resample_labels(read_labels(video, frame), framing.matrix, size)
            for k, number in enumerate(numbers):
                masks[t, ..., k] = is_object(labels, video, number)
    return EncodedClip(
        tuple(read_encoded(video, frame) for frame in drawn.frames),
        framing,
        _random_colours(rng, config),
        masks,
        np.array(drawn.weights, np.float32),
    )


def _others(
    labels: np.ndarray, drawn: Drawn, rng: np.random.Generator, min_object: float, most: int
) -> list[int]:
    """Ids of up to `most` further objects that are large enough in the first frame."""
    if drawn.video.binary or not most:
        return []
    ids, counts = np.unique(labels, return_counts=True)
    # Only known ids: 255 may be void.
    known = np.isin(ids, list(drawn.video.objects))
    large = ids[(counts >= min_object * labels.size) & known & (ids != drawn.number)]
    return rng.permutation(large)[:most].tolist()


def _framing(first, rng, size, config, min_object) -> tuple[Framing, np.ndarray]:
    """The framing and the first mask in it."""
    if config is not None:
        framing = random_framing(rng, first, size, config)
        sampled = resample_labels(first, framing.matrix, size)
        if sampled.mean() >= min_object:
            return framing, sampled
    framing = whole_frame(first.shape, size)
    return framing, resample_labels(first, framing.matrix, size)


def _random_colours(rng: np.random.Generator, config: VideoConfig | None) -> np.ndarray:
    if config is None or rng.random() >= config.coloured:
        return np.zeros((0, 3), np.float32)
    values = rng.uniform(-1.0, 1.0, (1, 4))
    if rng.random() < config.grey:
        values[:, 2] = greying(config)
    matrix, offset = colour_matrices(values, config)
    # Transposed: pixels are rows.
    return np.concatenate([matrix[0].T, offset])
