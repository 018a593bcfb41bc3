"""Print evaluations on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ytvos_keras.evaluation.method_table import percent
from ytvos_keras.evaluation.results import Evaluation, ObjectScores, Summary
from ytvos_keras.plain_table import plain_table

_COLUMNS = (
    "objects",
    "J\nmean",
    "J\nrecall",
    "J\ndecay",
    "F\nmean",
    "F\nrecall",
    "F\ndecay",
    "J&F",
)


def print_evaluations(
    evaluations: Mapping[str, Evaluation], console: Console, *, per_object: bool = False
) -> None:
    """Print the protocol and a table in percent, one block per method, that fits 80 columns."""
    table = plain_table("percent", _COLUMNS, min_width=10)
    for method, evaluation in evaluations.items():
        if len(evaluations) > 1:
            table.add_row(Text(method, "bold"))
        _add_rows(table, evaluation, per_object)
        table.add_section()
    lines = [evaluation.rule for evaluation in evaluations.values()]
    for line in dict.fromkeys(lines):
        console.print(line, highlight=False, markup=False)
    console.print(table)
    for line in dict.fromkeys(filter(None, map(missing_G, evaluations.values()))):
        console.print(line, highlight=False, markup=False)


def missing_G(evaluation: Evaluation) -> str | None:
    """Say how to get G if it is missing; None if there is one or it does not apply."""
    if evaluation.protocol != "youtube-vos" or evaluation.G is not None:
        return None
    if not any(scores.category for scores in evaluation.objects):
        return "no G: it needs the objects' categories, which the ground truth does not name"
    if evaluation.seen_categories is None:
        return "no G: state which categories were seen, with --seen-from META or --unseen NAME,…"
    group = "unseen" if evaluation.unseen is None else "seen"
    return f"no G: it needs seen and unseen categories, but the {group} ones have no scored object"


def _add_rows(table: Table, evaluation: Evaluation, per_object: bool) -> None:
    groups = {
        "overall": evaluation.overall,
        "seen": evaluation.seen,
        "unseen": evaluation.unseen,
    }
    for name, summary in groups.items():
        if summary is not None:
            table.add_row(name, str(summary.objects), *_cells(summary))
    if evaluation.G is not None:
        table.add_row("G", *[""] * 7, percent(evaluation.G))
    if per_object:
        table.add_section()
        for scores in evaluation.objects:
            label = f"{scores.sequence} {scores.object_id}"
            table.add_row(Text(label), "", *_cells(_summary_of_one(scores)))


def _summary_of_one(scores: ObjectScores) -> Summary:
    return Summary(scores.J_statistics, scores.F_statistics, 1)


def _cells(summary: Summary) -> list[str]:
    return [percent(value) for value in (*summary.J, *summary.F, summary.J_and_F)]
