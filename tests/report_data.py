"""Small evaluations and images for report tests."""

import numpy as np

from ytvos_keras.evaluation.report import SequencePictures
from ytvos_keras.evaluation.results import Evaluation, ObjectScores

ODD = "<b>&\"'"  # a folder name that needs HTML escaping


def scores_of(sequence: str, J: list[float], object_id: int = 1, category: str | None = None):
    """Scores of one object for frames 1, 2, …; F is half of J."""
    frames = tuple(str(place + 1) for place in range(len(J)))
    values = np.array(J, np.float64)
    return ObjectScores(sequence, object_id, category, frames, values, values / 2)


def evaluation_of(*objects: ObjectScores, **kwargs) -> Evaluation:
    return Evaluation(kwargs.pop("protocol", "davis2017"), objects, **kwargs)


def small_evaluation() -> Evaluation:
    """Three sequences, one with two objects; two categories; one clip too short to score."""
    return evaluation_of(
        scores_of("good", [1, 0.9, 0.8], 1, "ape"),
        scores_of("good", [0.7, 0.7, 0.7], 2, "cat"),
        scores_of("bad", [0.3, 0.2, 0.1, 0], 1, "cat"),
        scores_of(ODD, [0.45], 3, ODD),
        scores_of("short", []),
        protocol="youtube-vos",
        seen_categories=frozenset({"ape"}),
        settings={"exclude_last": False, "frames": "listed", "split": None},
    )


def disk(row: int, column: int) -> np.ndarray:
    """A 30×40 label map with one disk of radius 8."""
    rows, columns = np.ogrid[:30, :40]
    return ((rows - row) ** 2 + (columns - column) ** 2 <= 64).astype(np.uint8)


def small_pictures(
    *methods: str, frames: bool = True, sequences: tuple[str, ...] = ("good", "bad", ODD)
) -> dict[str, SequencePictures]:
    """A white disk moving right over blue, twice as fast in the predictions."""

    def truth(name: str) -> np.ndarray:
        return disk(15, 10 + 2 * int(name))

    def frame(name: str) -> np.ndarray | None:
        blue_and_white = np.array([(20, 40, 90), (255, 255, 255)], np.uint8)
        return blue_and_white[truth(name)] if frames else None

    predictions = {method: lambda name: disk(15, 10 + 4 * int(name)) for method in methods}
    pictures = SequencePictures("0", truth, predictions, frame)
    return dict.fromkeys(sequences, pictures)
