"""J, F and seconds per frame of several methods on annotated videos."""

import statistics
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ytvos_keras.bench.measure import Key
from ytvos_keras.bench.report import Label, Row
from ytvos_keras.progress import Progress

if TYPE_CHECKING:
    from ytvos_keras.evaluation.score_videos import Method, SequenceScores


def score_methods(
    methods: "Mapping[Key, Method]", arguments: Namespace, progress: Progress
) -> "dict[Key, dict[str, SequenceScores]]":
    """Score every method on the videos of `add_videos`: its scores by sequence."""
    from ytvos_keras.evaluation.score_videos import read_truths, score_sequence, sequence_folders
    from ytvos_keras.media.folder_frames import FolderFrames

    for sequence in arguments.sequences:  # errors now, not after hours
        frames, annotations = sequence_folders(arguments.videos, sequence)
        read_truths(FolderFrames(frames).names, annotations)
    found: dict[Key, dict[str, SequenceScores]] = {key: {} for key in methods}
    for n, sequence in enumerate(arguments.sequences):
        folders = sequence_folders(arguments.videos, sequence)
        for key, method in methods.items():
            progress(f"{sequence}, {key}", n, len(arguments.sequences))
            found[key][sequence] = score_sequence(method, *folders)
    return found


def score_rows(
    found: "Mapping[Key, Mapping[str, SequenceScores]]",
    labels: Callable[[Key], dict[str, Label]],
    average: Callable[[Iterable[float]], float] = statistics.fmean,
) -> list[Row]:
    """Make a row for every sequence and method, then one for every method on all sequences.

    Args:
        found: scores by method and sequence.
        labels: returns the labels of a method.
        average: computes the seconds per frame from those of every frame.
    """
    names = next(iter(found.values()))
    groups = {**{name: [name] for name in names}, "all": [*names]}
    rows = []
    for group, members in groups.items():
        for key, by_sequence in found.items():
            scored = [by_sequence[name] for name in members]
            objects = sum(len(one.objects) for one in scored)
            frames = sum(len(one.seconds) for one in scored)
            about = {"sequence": group, "frames": frames, "objects": objects, **labels(key)}
            rows.append(Row(about, score_figures(scored, average)))
    return rows


def score_figures(
    scored: "Iterable[SequenceScores]",
    average: Callable[[Iterable[float]], float] = statistics.fmean,
) -> dict[str, float]:
    """Mean J and F over objects, and average seconds per frame; see `score_rows`."""
    from ytvos_keras.evaluation.results import Summary

    scored = list(scored)
    summary = Summary.of([scores for one in scored for scores in one.objects])
    return {
        "J_percent": 100 * summary.J.mean,
        "F_percent": 100 * summary.F.mean,
        "frame_s": average(step for one in scored for step in one.seconds),
    }
