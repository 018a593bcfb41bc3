"""Score one frame: the unit of work of a worker process."""

import functools
from dataclasses import dataclass

import numpy as np

from ytvos_keras.errors import InputError, listed
from ytvos_keras.evaluation.frame_scores import score_frame
from ytvos_keras.evaluation.label_sources import LabelSource, read_prediction, read_truth
from ytvos_keras.media.masks import ids_in

_NAMED = 5  # ids that an error names


@dataclass(frozen=True)
class FrameWork:
    """A predicted mask, the true one, and what to compare.

    Args:
        name: of the frame.
        prediction: the predicted mask.
        truth: the true mask.
        object_ids: the objects to score, in order.
        known_ids: the ids that may occur in the prediction.
        merged: whether all objects count as one, with id 1.
    """

    name: str
    prediction: LabelSource
    truth: LabelSource
    object_ids: tuple[int, ...]
    known_ids: frozenset[int]
    merged: bool


def score_work(work: FrameWork) -> tuple[np.ndarray, np.ndarray]:
    """Read the masks of a frame, check the prediction and score it.

    J and F are float64 (K,), 0–1, one for each of `work.object_ids`.
    """
    _keep_memory()
    # Read in the worker, as a path is cheaper to send than a mask.
    truth = read_truth(work.truth, merged=work.merged)
    prediction = read_prediction(work.prediction, merged=work.merged)
    if prediction.shape != truth.shape:
        raise InputError(
            f"{work.prediction}: has {_size(prediction)} pixels, but {work.truth} has "
            f"{_size(truth)}; predictions must have the size of the ground truth (resize with "
            "nearest neighbour)."
        )
    unknown = [i for i in ids_in(prediction) if i not in work.known_ids]
    if unknown:
        remedy = "use the ids of the ground truth."
        if set(unknown) <= set(ids_in(truth)):
            remedy = (
                "only those of the first mask (davis2017) or of meta.json (youtube-vos) are "
                "scored: set the others to 0."
            )
        raise InputError(
            f"{work.prediction}: contains {_ids(unknown)}, but the objects of this sequence are "
            f"{listed(sorted(work.known_ids), _NAMED) or 'none'}; {remedy}"
        )
    return score_frame(prediction, truth, work.object_ids)


@functools.cache  # once in each process
def _keep_memory() -> None:
    """Let this process keep up to 60 MB of freed memory for the next frames.

    Otherwise glibc returns the memory of every mask to the system and requests it again, which
    takes a fifth of the time. Freeing a large block raises glibc's threshold for this, but blocks
    above 32 MB have no effect (`man mallopt`, M_MMAP_THRESHOLD). Other C libraries are unaffected.
    """
    np.empty(30 * 2**20, np.uint8)


def _size(labels: np.ndarray) -> str:
    height, width = labels.shape
    return f"{width}×{height}"


def _ids(ids: list[int]) -> str:
    return f"id{'s' if ids[1:] else ''} {listed(ids, _NAMED)}"
