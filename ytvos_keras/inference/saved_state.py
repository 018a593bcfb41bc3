"""A Segmenter's state as arrays, with the model and size that they belong to."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.model_digest import model_digest
from ytvos_keras.inference.state_checks import check_video
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.array_file import load_arrays


def pack_state(video: VideoState, model, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Convert to a flat dict of arrays for `np.savez`.

    Args:
        video: the state of the video.
        model: the model that computed it.
        size: working (height, width).
    """
    own = {
        "model": np.array(model_digest(model)),
        "size": np.array(size, np.int32),
    }
    return own | video.to_arrays()


def unpack_state(
    state: Mapping[str, np.ndarray] | str | Path, model
) -> tuple[VideoState, tuple[int, int]]:
    """Convert back from `pack_state`.

    Args:
        state: the arrays, or an .npz file of them.
        model: the model that resumes from it.

    Returns:
        The state of the video, and the working (height, width).

    Raises:
        InputError: it is not such a state, or belongs to another model.
    """
    if isinstance(state, str | Path):
        state = load_arrays(Path(state))
    video = VideoState.from_arrays(state)
    if str(state.get("model")) != model_digest(model):
        raise InputError(
            "the state belongs to another model (other weights, options or precision); load the "
            "model that it was saved with."
        )
    # After the digest: a state of another model is not damaged.
    check_video(video)
    return video, _working_size(state)


def _working_size(state: Mapping[str, np.ndarray]) -> tuple[int, int]:
    size = state.get("size")
    if size is None or size.shape != (2,) or size.dtype.kind not in "iu":
        raise InputError("the state of a Segmenter is damaged; begin the video again. (size)")
    height, width = size.tolist()
    return height, width
