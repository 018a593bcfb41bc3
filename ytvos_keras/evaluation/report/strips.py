"""Strips of frames with masks on them: the paper's Figures 4 and 5."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ytvos_keras.evaluation.method_table import percent
from ytvos_keras.evaluation.report.tables import frame_means
from ytvos_keras.evaluation.report.thumbnail import draw_mask
from ytvos_keras.evaluation.results import Evaluation

_COLUMNS = 5  # beside the first, which shows the ground truth alone


@dataclass(frozen=True)
class SequencePictures:
    """The masks and frames of one sequence; the functions are called for the frames shown.

    Args:
        first: name of the first annotated frame.
        truth: from a frame's name to its ground truth, uint8 (H, W), by the protocol's rules.
        predictions: for each method, from a frame's name to its mask, uint8 (H, W).
        frame: from a frame's name to the frame, uint8 (H', W', 3), RGB; None if it is not
            available.
    """

    first: str
    truth: Callable[[str], np.ndarray]
    predictions: Mapping[str, Callable[[str], np.ndarray]]
    frame: Callable[[str], np.ndarray | None]


@dataclass(frozen=True)
class Picture:
    """One frame of a strip: a `data:` URI, the frame's name, and J in percent ("" for none)."""

    source: str
    frame: str
    J: str = ""


@dataclass(frozen=True)
class Strip:
    """One sequence: the first ground truth, then for each method the same frames."""

    sequence: str
    first: Picture
    rows: dict[str, list[Picture]]


def draw_strip(
    sequence: str, evaluations: Mapping[str, Evaluation], pictures: SequencePictures
) -> Strip:
    """Draw one sequence; methods without predictions or scores of it are left out."""
    J = {
        method: frame_means(scores for scores in evaluation.objects if scores.sequence == sequence)
        for method, evaluation in evaluations.items()
        if method in pictures.predictions
    }
    J = {method: values for method, values in J.items() if values}
    shown = choose_frames(list(next(iter(J.values()), ())))
    rows: dict[str, list[Picture]] = {method: [] for method in J}
    for name in shown:
        frame, truth = pictures.frame(name), pictures.truth(name)
        for method, values in J.items():
            drawn = draw_mask(frame, pictures.predictions[method](name), truth)
            rows[method].append(Picture(drawn, name, percent(values.get(name, np.nan))))
    first = draw_mask(pictures.frame(pictures.first), pictures.truth(pictures.first))
    return Strip(sequence, Picture(first, pictures.first), rows)


def choose_frames(frames: Sequence[str]) -> list[str]:
    """Up to five frames, evenly spaced, the last one among them (the first is beside them).

    Example:
        >>> choose_frames(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
        ['2', '4', '6', '8', '10']
    """
    if len(frames) <= _COLUMNS:
        return list(frames)
    places = np.linspace(0, len(frames) - 1, _COLUMNS + 1).round().astype(int)
    return [frames[place] for place in places[1:]]
