"""Scores a model on annotated videos: J and F beside those of the first mask copied to every frame.

    python -m ytvos_keras.evaluation.score_videos VIDEOS --sequences SOURCE/SEQUENCE …

VIDEOS holds `<source>/{JPEGImages,Annotations}/<sequence>/`. Every object of the first mask is
followed to the end. J and F are averaged over an object's annotated frames but the first and the
last (as DAVIS does), then over objects.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ytvos_keras.data_prep.sequence_folders import mask_files
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.frame_scores import score_frame
from ytvos_keras.evaluation.results import ObjectScores, Summary
from ytvos_keras.media.frames import open_frames
from ytvos_keras.media.masks import read_mask

_HEADINGS = "sequence, frames, objects, J, F, J of the copied mask, F of the copied mask, s/frame"


class SequenceScores(NamedTuple):
    """What `score_sequence` finds.

    Args:
        ours: the model's scores of each object.
        copied: those of the first mask copied to every frame.
        seconds: the median step's.
        frames: of the video, annotated or not.
    """

    ours: list[ObjectScores]
    copied: list[ObjectScores]
    seconds: float
    frames: int


def score_sequence(segmenter, frames: Path, annotations: Path) -> SequenceScores:
    """Segments one sequence and compares.

    Args:
        segmenter: a fresh or `reset` `Segmenter`.
        frames: a folder of frames.
        annotations: a folder of index PNGs with the frames' names; frames without one do not count.

    Raises:
        InputError: The first frame has no annotation, or fewer than three frames have one.
    """
    source = open_frames(frames)
    truths = {
        name: read_mask(file, allow_empty=True)[0] for name, file in mask_files(annotations).items()
    }
    if source.names[0] not in truths or len(truths) < 3:
        raise InputError(f"{annotations}: needs a mask of the first frame and three masks or more")
    first = truths[source.names[0]]
    object_ids = segmenter.add_objects(first)
    ours, copied, seconds = {}, {}, []
    for name, frame in source:
        begin = time.perf_counter()
        labels = segmenter.step(frame)
        seconds.append(time.perf_counter() - begin)
        if name in truths:
            ours[name] = score_frame(labels, truths[name], object_ids)
            copied[name] = score_frame(first, truths[name], object_ids)
    return SequenceScores(
        _by_object(annotations.name, object_ids, ours),
        _by_object(annotations.name, object_ids, copied),
        statistics.median(seconds),
        source.count,
    )


def _by_object(
    sequence: str, object_ids: Sequence[int], scores: dict[str, tuple[np.ndarray, np.ndarray]]
) -> list[ObjectScores]:
    names = tuple(scores)[1:-1]
    J, F = np.array([scores[name] for name in names]).transpose(1, 2, 0)
    return [
        ObjectScores(sequence, object_id, None, names, J[k], F[k])
        for k, object_id in enumerate(object_ids)
    ]


def _cells(ours: Sequence[ObjectScores], copied: Sequence[ObjectScores]) -> str:
    summaries = Summary.of(ours), Summary.of(copied)
    means = [mean for summary in summaries for mean in (summary.J.mean, summary.F.mean)]
    return f"{len(ours)} | " + " | ".join(f"{100 * mean:.1f}" for mean in means)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--sequences", nargs="+", required=True, metavar="SOURCE/SEQUENCE")
    parser.add_argument("--model", default="s2s-lite")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    arguments = parser.parse_args()

    import ytvos_keras

    segmenter = ytvos_keras.Segmenter(ytvos_keras.load(arguments.model), arguments.size)
    ours, copied = [], []
    print(f"| {_HEADINGS.replace(', ', ' | ')} |\n{'|---' * (_HEADINGS.count(',') + 1)}|")
    for sequence in arguments.sequences:
        source, name = sequence.split("/")
        folder = arguments.videos / source
        segmenter.reset()
        scores = score_sequence(
            segmenter, folder / "JPEGImages" / name, folder / "Annotations" / name
        )
        ours += scores.ours
        copied += scores.copied
        cells = _cells(scores.ours, scores.copied)
        print(f"| {sequence} | {scores.frames} | {cells} | {scores.seconds:.3f} |", flush=True)
    print(f"| mean over objects | | {_cells(ours, copied)} | |")


if __name__ == "__main__":
    main()
