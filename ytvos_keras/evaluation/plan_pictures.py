"""Choose the masks and frames that the strips of a report show."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.sequence_folders import picture_files
from ytvos_keras.evaluation.evaluation_plan import EvaluationPlan
from ytvos_keras.evaluation.label_sources import Masks, read_prediction, read_truth
from ytvos_keras.evaluation.report import SequencePictures
from ytvos_keras.media.pictures import read_rgb


def plan_pictures(plans: Mapping[str, EvaluationPlan]) -> dict[str, SequencePictures]:
    """The images of each sequence for a report, as functions; nothing is read yet.

    `plans` has the plan of each method, all with the same ground truth.
    """
    pictures = {}
    first_plan = next(iter(plans.values()))
    merged = first_plan.protocol == "davis2016"
    works = {
        method: {sequence.name: sequence for sequence in plan.sequences}
        for method, plan in plans.items()
    }
    for sequence in first_plan.sequences:
        pictures[sequence.name] = SequencePictures(
            first=next(iter(sequence.truth), ""),  # without masks, no strip is drawn
            truth=partial(_truth, sequence.truth, merged, tuple(sequence.categories)),
            predictions={
                method: partial(_prediction, work[sequence.name].predictions, merged)
                for method, work in works.items()
            },
            frame=partial(_frame, sequence.pictures),
        )
    return pictures


def _truth(masks: Masks, merged: bool, object_ids: tuple[int, ...], name: str) -> np.ndarray:
    labels = read_truth(masks[name], merged=merged)
    # An outline of an object that is not scored would look like a miss.
    return labels * np.isin(labels, object_ids)


def _prediction(masks: Masks, merged: bool, name: str) -> np.ndarray:
    return read_prediction(masks[name], merged=merged)


def _frame(folder: Path | None, name: str) -> np.ndarray | None:
    """Read the frame as RGB; None if there is no file."""
    file = picture_files(folder).get(name) if folder else None
    return read_rgb(file) if file else None
