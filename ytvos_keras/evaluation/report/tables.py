"""The numbers of a report, as text in rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import natsort
import numpy as np

from ytvos_keras.evaluation.method_table import UNKNOWN, best_text, percent
from ytvos_keras.evaluation.results import Evaluation, ObjectScores, Summary

_GROUPS = ("overall", "seen", "unseen")
_DECAYS = (2, 5)  # indexes in `_figures` of values where smaller is better


@dataclass(frozen=True)
class SummaryRow:
    """One group of objects of one method: eight figures in percent, and whether each is best."""

    group: str
    objects: int
    figures: list[tuple[str, bool]]


def summary_rows(evaluations: Mapping[str, Evaluation]) -> dict[str, list[SummaryRow]]:
    """The rows of the main table, for each method; groups that no method has are left out.

    If there are several methods, the best of each group and column is marked (the smallest decay,
    the largest of the others, as printed).
    """
    rows: dict[str, list[SummaryRow]] = {method: [] for method in evaluations}
    for group in _GROUPS:
        summaries = {name: getattr(evaluation, group) for name, evaluation in evaluations.items()}
        summaries = {name: summary for name, summary in summaries.items() if summary is not None}
        figures = {
            name: _figures(summary, evaluations[name].G if group == "overall" else None)
            for name, summary in summaries.items()
        }
        best = [
            best_text(column, min if place in _DECAYS else max)
            for place, column in enumerate(zip(*figures.values(), strict=True))
        ]
        for name, summary in summaries.items():
            cells = [(text, text == top) for text, top in zip(figures[name], best, strict=True)]
            rows[name].append(SummaryRow(group, summary.objects, cells))
    return rows


def sequence_summaries(evaluation: Evaluation) -> dict[str, Summary]:
    """Each sequence's summary, over its objects."""
    objects: dict[str, list[ObjectScores]] = {}
    for scores in evaluation.objects:
        objects.setdefault(scores.sequence, []).append(scores)
    return {sequence: Summary.of(group) for sequence, group in objects.items()}


def worst_first(summaries: Mapping[str, Mapping[str, Summary]]) -> list[str]:
    """Order the sequences that have a score by their J&F, averaged over methods.

    `summaries` contains the `sequence_summaries` of each method.
    """
    values: dict[str, list[float]] = {}
    for sequences in summaries.values():
        for sequence, summary in sequences.items():
            if summary.objects:
                values.setdefault(sequence, []).append(summary.J_and_F)
    return sorted(values, key=lambda sequence: np.mean(values[sequence]))


def object_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Sequence, id, category, scored frames, then J and F (mean, recall, decay), worst first."""

    def order(scores: ObjectScores) -> float:
        return scores.J_statistics.mean + scores.F_statistics.mean if scores.frames else np.inf

    return [
        (
            scores.sequence,
            str(scores.object_id),
            scores.category or UNKNOWN,
            str(len(scores.frames)),
            *map(percent, (*scores.J_statistics, *scores.F_statistics)),
        )
        for scores in sorted(evaluation.objects, key=order)
    ]


def frame_means(objects: Iterable[ObjectScores]) -> dict[str, float]:
    """For each scored frame of one sequence, in order, the mean J of its objects there."""
    values: dict[str, list[float]] = {}
    for scores in objects:
        for frame, value in zip(scores.frames, scores.J, strict=True):
            values.setdefault(frame, []).append(value)
    # Sorted, since objects begin at different frames.
    return {frame: float(np.mean(values[frame])) for frame in natsort.natsorted(values)}


def _figures(summary: Summary, G: float | None) -> list[str]:
    values = (*summary.J, *summary.F, summary.J_and_F, np.nan if G is None else G)
    return [percent(value) for value in values]
