"""Check that a saved state could come from the model."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.pictures import MOST_PIXELS

Size = tuple[int, int]  # height, width

_IDS = range(1, MAX_ID + 1)


def check_video(video: VideoState) -> None:
    """Check sizes, ids and masks.

    Raises:
        InputError: a number is out of its range, an id occurs twice, or a mask is no mask.
    """
    size = video.frame_size
    if size is not None and not (min(size) > 0 and math.prod(size) <= MOST_PIXELS):
        raise _damaged(f"frames of {size}")
    if video.frame_count < 0:
        raise _damaged(f"{video.frame_count} frames seen")
    # An object may be in both: it is followed, and corrected in the next frame.
    for ids in (list(video.object_ids), [number for number, _ in video.pending]):
        if len(set(ids)) < len(ids) or not all(number in _IDS for number in ids):
            raise _damaged(f"objects {ids}")
    for number, mask in video.pending:
        size = size or mask.shape
        if mask.dtype != np.uint8 or mask.shape != size or mask.max(initial=0) != 1:
            raise _damaged(f"the mask of object {number} is no mask")


def check_tensors(video: VideoState, size: Size, model) -> None:
    """Check the model's part: names, shapes and types as `model.initialize` gives them, all finite.

    Args:
        video: with tensors, or without.
        size: the working (height, width).
        model: the one that the state is for.

    Raises:
        InputError: a tensor is missing, too many, of another shape or type, or not finite.
    """
    if video.tensors:
        # From the model itself, rather than a list of entries for every configuration.
        own = model.initialize(tf.zeros((1, *size, 3)), tf.zeros((1, *size, 1)))
        objects = len(video.object_ids)
        expected = {name: (x.dtype, (objects, *x.shape[1:])) for name, x in own.items()}
        _compare("", {k: (x.dtype, tuple(x.shape)) for k, x in video.tensors.items()}, expected)
    elif video.object_ids:
        raise _damaged("objects without tensors")
    weights = {str(i): (tf.as_dtype(w.dtype), tuple(w.shape)) for i, w in enumerate(model.weights)}
    try:
        learned = {k: (tf.as_dtype(x.dtype), x.shape) for k, x in video.learned.items()}
    except TypeError as error:  # a type that TensorFlow lacks
        raise _damaged(first_line(error)) from error
    _compare("weight ", learned, {k: v for k, v in weights.items() if k in learned})
    # A NaN would spread through all later frames.
    for name, x in {**video.tensors, **video.learned}.items():
        if not np.isfinite(np.asarray(x, np.float32)).all():
            raise _damaged(f"{name} is not finite")


def _compare(what: str, found: Mapping[str, tuple], expected: Mapping[str, tuple]) -> None:
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise _damaged(f"{what}{name} is not that of this model")


def _damaged(reason: str) -> InputError:
    return InputError(f"the state of a Segmenter is damaged; begin the video again. ({reason})")
