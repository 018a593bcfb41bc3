"""Score models and baselines on annotated videos.

A folder VIDEOS contains `<source>/{JPEGImages,Annotations}/<sequence>/`. Every object in the first
mask is tracked to the end of the video. The annotated frames are scored by the rules of DAVIS 2017
(see `evaluate`).
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from ytvos_keras.datasets.sequence_folders import masks_of_frames
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.evaluate import evaluate
from ytvos_keras.evaluation.results import ObjectScores
from ytvos_keras.media.folder_frames import FolderFrames
from ytvos_keras.media.masks import read_mask


class SequenceScores(NamedTuple):
    """Scores of a sequence, and the seconds of the step of each frame, annotated or not."""

    objects: list[ObjectScores]
    seconds: list[float]


class Method(Protocol):
    """A `Segmenter` or a baseline."""

    def reset(self) -> None: ...
    def add_objects(self, label_map: np.ndarray) -> list[int]: ...
    def step(self, frame: np.ndarray) -> np.ndarray: ...


def score_sequence(method: Method, frames: Path, annotations: Path) -> SequenceScores:
    """Segment one sequence and score it.

    `frames` is a folder of frames, `annotations` one of index PNGs of the same names. The first
    frame needs a PNG, and so do at least two others; frames without one are not scored.
    """
    source = FolderFrames(frames)
    truths = read_truths(source.names, annotations)
    method.reset()
    method.add_objects(truths[source.names[0]])
    predictions, seconds = [], []
    for name, frame in source:
        begin = time.perf_counter()
        labels = method.step(frame)
        # Only the step is timed, as reading frames is the same for all methods.
        seconds.append(time.perf_counter() - begin)
        if name in truths:
            predictions.append(labels)
    annotated = list(truths.values())
    sequence = annotations.name
    # Only annotated frames are passed, so the protocol's first and last frames are among them.
    result = evaluate(
        {sequence: np.stack(predictions)}, {sequence: np.stack(annotated)}, "davis2017"
    )
    return SequenceScores(list(result.objects), seconds)


def read_truths(names: Sequence[str], annotations: Path) -> dict[str, np.ndarray]:
    """Read the masks of frames, uint8 `(H, W)`, by the names of the frames that have one.

    Raises:
        InputError: the first frame or two later ones have no mask, or the first mask no object.
    """
    truths = {
        name: read_mask(file, allow_empty=name != names[0])[0]
        for name, file in masks_of_frames(names, annotations).items()
    }
    if names[0] not in truths or len(truths) < 3:
        raise InputError(f"{annotations}: needs a mask of the first frame and at least two more")
    return truths


def sequence_folders(videos: Path, sequence: str) -> tuple[Path, Path]:
    """The folders of the frames and of the annotations of `SOURCE/SEQUENCE`."""
    source, _, name = sequence.partition("/")
    return videos / source / "JPEGImages" / name, videos / source / "Annotations" / name
