"""Convert a Segmenter's state, with its model and size, to arrays and back."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.inference.model_digest import model_digest
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.array_file import load_arrays
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.pictures import MOST_PIXELS

Size = tuple[int, int]  # height, width

_VERSION = 4
_TENSOR = "tensor:"
_LEARNED = "learned:"
_IDS = range(1, MAX_ID + 1)
_BFLOAT16 = tf.bfloat16.as_numpy_dtype


def pack_state(video: VideoState, model, size: Size) -> dict[str, np.ndarray]:
    """Convert the state, its model and working size to a flat dict of arrays for `np.savez`."""
    # .npz has no bfloat16; float32 holds its values exactly.
    half = [name for name, tensor in video.tensors.items() if tensor.dtype == tf.bfloat16]
    half += [_LEARNED + name for name, weight in video.learned.items() if weight.dtype == _BFLOAT16]
    arrays = {
        "model": np.array(model_digest(model)),
        "size": np.array(size, np.int32),
        "version": np.array(_VERSION),
        "frame_size": np.array(video.frame_size or (0, 0), np.int32),  # .npz has no None
        "frame_count": np.array(video.frame_count),
        "object_ids": np.array(video.object_ids, np.uint8),
        "pending_ids": np.array([object_id for object_id, _ in video.pending], np.uint8),
        "bfloat16": np.array(half, dtype=np.str_),
    }
    for number, (_, mask) in enumerate(video.pending):
        arrays[f"pending_mask:{number}"] = mask
    for name, weight in video.learned.items():
        arrays[_LEARNED + name] = weight.astype(np.float32) if _LEARNED + name in half else weight
    for name, tensor in video.tensors.items():
        tensor = tf.cast(tensor, tf.float32) if name in half else tensor
        arrays[_TENSOR + name] = np.array(tensor)
    return arrays


def unpack_state(state: Mapping[str, np.ndarray] | str | Path, model) -> tuple[VideoState, Size]:
    """Convert arrays of `pack_state`, or an .npz file of them, back to the state and its size.

    The tensors and learned weights still need `check_tensors`.

    Raises:
        InputError: this is not such a state, or it belongs to another model.
    """
    if isinstance(state, str | Path):
        state = load_arrays(Path(state))
    if "version" not in state or state["version"].tolist() != _VERSION:
        raise InputError(
            "this is not the state of a Segmenter of this version; start the video again. "
            f"Received: entries {', '.join(sorted(state)) or 'none'}."
        )
    try:
        video = _read_video(state)
    except (AttributeError, KeyError, OverflowError, ValueError, TypeError) as error:
        raise _damaged(first_line(error)) from error
    if str(state.get("model")) != model_digest(model):
        raise InputError(
            "the state belongs to another model (other weights, options or precision); load the "
            "model that it was saved with."
        )
    # After the digest, so that the state of another model is not called damaged.
    _check_video(video)
    return video, _working_size(state)


def check_tensors(video: VideoState, size: Size, model) -> None:
    """Check the model's part: names, shapes and types as from `model.initialize`, all finite.

    `size` is the working (height, width). A missing or unexpected tensor is an `InputError` too.
    """
    if video.tensors:
        # Ask the model itself, instead of listing the entries for every configuration.
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


def _read_video(arrays: Mapping[str, np.ndarray]) -> VideoState:
    half = set(arrays["bfloat16"].tolist())
    object_ids = _wholes(arrays["object_ids"])
    tensors = {}
    for key in (key for key in arrays if key.startswith(_TENSOR)):
        name = key.removeprefix(_TENSOR)
        tensors[name] = tf.constant(arrays[key], tf.bfloat16 if name in half else None)
        if len(arrays[key]) != len(object_ids):
            raise ValueError(f"{name} has {len(arrays[key])} rows, not {len(object_ids)}")
    height, width = _wholes(arrays["frame_size"])
    pending_ids = _wholes(arrays["pending_ids"])
    learned = {
        key.removeprefix(_LEARNED): array.astype(_BFLOAT16) if key in half else array
        for key, array in arrays.items()
        if key.startswith(_LEARNED)
    }
    return VideoState(
        frame_size=(height, width) if height else None,
        frame_count=int(arrays["frame_count"]),
        object_ids=object_ids,
        tensors=tensors,
        pending=tuple((i, arrays[f"pending_mask:{n}"]) for n, i in enumerate(pending_ids)),
        learned=learned,
    )


def _wholes(array: np.ndarray) -> tuple[int, ...]:
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{array.dtype} {array.shape} instead of a list of whole numbers")
    return tuple(array.tolist())


def _check_video(video: VideoState) -> None:
    """Check sizes, ids and masks."""
    size = video.frame_size
    if size is not None and not (min(size) > 0 and math.prod(size) <= MOST_PIXELS):
        raise _damaged(f"frames of {size}")
    if video.frame_count < 0:
        raise _damaged(f"{video.frame_count} frames seen")
    # An object may be in both: it is tracked, and corrected in the next frame.
    for ids in (list(video.object_ids), [number for number, _ in video.pending]):
        if len(set(ids)) < len(ids) or not all(number in _IDS for number in ids):
            raise _damaged(f"objects {ids}")
    for number, mask in video.pending:
        size = size or mask.shape
        if mask.dtype != np.uint8 or mask.shape != size or mask.max(initial=0) != 1:
            raise _damaged(f"the mask of object {number} is not a mask")


def _working_size(state: Mapping[str, np.ndarray]) -> Size:
    size = state.get("size")
    if size is None or size.shape != (2,) or size.dtype.kind not in "iu":
        raise _damaged("size")
    height, width = size.tolist()
    return height, width


def _compare(what: str, found: Mapping[str, tuple], expected: Mapping[str, tuple]) -> None:
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise _damaged(f"{what}{name} does not fit this model")


def _damaged(reason: str) -> InputError:
    return InputError(f"the state of a Segmenter is damaged; start the video again. ({reason})")
