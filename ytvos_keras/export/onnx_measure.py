"""Measure the loss of J and the speed-up of a precision."""

import dataclasses
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.region_similarity import region_similarity
from ytvos_keras.export.annotated_clips import Clip
from ytvos_keras.export.onnx_segmenter import OnnxSegmenter
from ytvos_keras.progress import Progress, silent


@dataclasses.dataclass(frozen=True)
class Measured:
    """J and speed of one precision.

    Attributes:
        J: Mean over all objects of all clips, 0–1.
        seconds: Median duration of a step.
    """

    J: float
    seconds: float


def measure_precisions(
    segmenters: Mapping[str, OnnxSegmenter],
    clips: Sequence[Clip],
    on_progress: Progress = silent,
) -> dict[str, Measured]:
    """Segment clips at several precisions, which take turns frame by frame.

    J is measured against the annotations without the first and the last annotated frame, as in
    DAVIS, and averaged over frames, then over objects. For a clip without ground truth, it is
    measured against the masks of the first segmenter, which shows how much the precisions differ;
    do not mix the two kinds, see `clips_to_score`.
    """
    scores: dict[str, list[float]] = {name: [] for name in segmenters}
    for number, clip in enumerate(clips):
        on_progress("measuring on clips", number, len(clips))
        for name, found in _score(segmenters, clip).items():
            scores[name] += found
    if not any(scores.values()):
        raise InputError("no clip has an object to track; give other clips.")
    return {
        # The median: first steps allocate memory, and others may be interrupted.
        name: Measured(float(np.mean(scores[name])), median(segmenter.seconds))
        for name, segmenter in segmenters.items()
    }


def _score(segmenters: Mapping[str, OnnxSegmenter], clip: Clip) -> dict[str, list[float]]:
    """J of every object, by precision."""
    found: dict[str, list[list[float]]] = {name: [] for name in segmenters}
    ids: list[int] = []
    for index, (frame, truth) in enumerate(clip.frames()):
        if index == 0 and truth is not None:  # the first frame has a mask
            for segmenter in segmenters.values():
                segmenter.reset()
                ids = segmenter.add_objects(truth)
        # In turn, so that a busy machine slows all of them.
        labels = {name: segmenter.step(frame) for name, segmenter in segmenters.items()}
        if not clip.has_truth:
            truth = next(iter(labels.values()))
        if truth is not None:
            for name, own in labels.items():
                found[name].append([region_similarity(own == i, truth == i) for i in ids])
    return {
        name: np.mean(rows[1:-1], axis=0).tolist() if len(rows) > 2 else []
        for name, rows in found.items()
    }
