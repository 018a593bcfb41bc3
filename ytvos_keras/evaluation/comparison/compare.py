"""Compare several methods in the layout of the paper's Tables 2 and 3."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ytvos_keras.errors import InputError, and_more
from ytvos_keras.evaluation.comparison.paper_tables import cited_table
from ytvos_keras.evaluation.comparison.read_results import Group, ResultFile, ScoredObject
from ytvos_keras.evaluation.method_table import (
    Cell,
    MethodTable,
    Part,
    best_text,
    percent,
    seconds,
)
from ytvos_keras.evaluation.statistics import Statistics


@dataclass(frozen=True)
class Comparison:
    """The given results, and separately those that the paper reports, if requested.

    `warnings` are reasons why the results are not comparable, one line each.
    """

    measured: MethodTable
    cited: MethodTable | None
    warnings: tuple[str, ...]


class _Column(NamedTuple):
    """A column: functions for the values of a result (NaN if unknown) and their text."""

    heading: str
    values: Callable[[ResultFile], tuple[float, ...]]
    text: Callable[[float], str]
    best: Callable[..., str]


def compare(
    results: Sequence[ResultFile], *, table: int | None = None, cite_paper: bool = False
) -> Comparison:
    """Put the results of several methods into one table.

    Table 2's layout: mean, recall and decay of J and of F, each for seen/unseen categories.
    Table 3's: mean IoU (that is the mean of J), mean of F, seconds per frame where stated. Values
    are percentages with one decimal, averaged over objects. With two or more results, the best
    values of a column are marked, including ties in the printed digits; cited rows are excluded.
    Results with different protocols, or with the same name, are an error.

    Args:
        results: results of the same protocol.
        table: 2 or 3; if None, 2 if every result has seen or unseen categories, else 3.
        cite_paper: whether to add the paper's rows on the same data set, see `cited_table`.

    Raises:
        InputError: there is no result, two have the same name, the protocols differ, Table 2 is
            requested but seen and unseen are unknown, or the paper has nothing to cite.

    Example:
        >>> compare([read_result("a.json"), read_result("b.json")]).measured.rows[0][0]
        'a'
    """
    _check(results)
    without = [result for result in results if result.seen is None and result.unseen is None]
    if table == 2 and without:
        raise InputError(
            f"{without[0].path}: Table 2 is for seen and unseen categories, which are unknown "
            "here; score youtube-vos with --seen-from or --unseen, or choose Table 3."
        )
    warnings = []
    if table is None:
        table = 3 if without else 2
        if 0 < len(without) < len(results):
            warnings.append(
                f"using Table 3's layout, as {without[0].path} has no seen or unseen categories"
            )
    warnings += _differences(results, table)
    measured = MethodTable(
        heading=_heading(results, table),
        columns=tuple(column.heading for column in _COLUMNS[table]),
        rows=_measured_rows(results, _COLUMNS[table]),
        notes=_notes(results),
    )
    cited = cited_table(results[0].protocol) if cite_paper else None
    return Comparison(measured, cited, tuple(warnings))


def _statistic(measure: str, statistic: str) -> _Column:
    """A column of Table 2."""

    def values(result: ResultFile) -> tuple[float, ...]:
        return tuple(_get(group, measure, statistic) for group in (result.seen, result.unseen))

    decay = statistic == "decay"
    heading = f"{measure} {statistic} {'↓' if decay else '↑'}"
    return _Column(heading, values, percent, min if decay else max)


def _get(group: Group | None, measure: str, statistic: str) -> float:
    return math.nan if group is None else getattr(getattr(group, measure), statistic)


def _seconds_per_frame(result: ResultFile) -> tuple[float]:
    value = result.seconds_per_frame
    return (math.nan if value is None else value,)


_COLUMNS = {
    2: tuple(_statistic(m, statistic) for m in "JF" for statistic in Statistics._fields),
    3: (
        _Column("mean IoU ↑", lambda result: (result.overall.J.mean,), percent, max),
        _Column("F mean ↑", lambda result: (result.overall.F.mean,), percent, max),
        _Column("s/frame ↓", _seconds_per_frame, seconds, min),
    ),
}


def _measured_rows(
    results: Sequence[ResultFile], columns: Sequence[_Column]
) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    cells = [_column_cells(results, column) for column in columns]
    return tuple((result.name, tuple(row)) for result, *row in zip(results, *cells, strict=True))


def _column_cells(results: Sequence[ResultFile], column: _Column) -> list[Cell]:
    texts = [[column.text(value) for value in column.values(result)] for result in results]
    # Seen and unseen each have a winner.
    winners = [best_text(part, column.best) for part in zip(*texts, strict=True)]
    return [tuple(Part(t, t == w) for t, w in zip(row, winners, strict=True)) for row in texts]


def _check(results: Sequence[ResultFile]) -> None:
    if not results:
        raise InputError("nothing to compare: give at least one result.")
    names = [result.name for result in results]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two results are called {twice!r}; give them names: NAME=FILE.json.")
    if len({result.protocol for result in results}) > 1:
        received = ", ".join(f"{result.path}: {result.protocol}" for result in results)
        raise InputError(
            f"results of different protocols cannot be in one table. Received: {received}"
        )


def _heading(results: Sequence[ResultFile], table: int) -> str:
    counts = sorted({len(result.objects) for result in results})
    objects = "–".join(map(str, counts[:1] + counts[1:][-1:]))
    objects += " object" if objects == "1" else " objects"
    cells = "percent, seen/unseen" if table == 2 else "percent, mean IoU = mean J"
    given = {result.settings.get("frames") for result in results}
    # The frames that a method was given affect its score, so the note states them.
    alike = results[0].protocol == "youtube-vos" and len(given) == 1
    frames = f"frames given: {given.pop() or 'not stated'}; " if alike else ""
    return f"{results[0].protocol}, {objects}; {frames}{cells}"


def _notes(results: Sequence[ResultFile]) -> tuple[str, ...]:
    known = [(result.name, result.G) for result in results if result.G is not None]
    return (f"G: {', '.join(f'{name} {percent(G)}' for name, G in known)}",) if known else ()


def _differences(results: Sequence[ResultFile], table: int) -> Iterable[str]:
    """One line for each thing that differs from the first result."""
    first = results[0]
    for other in results[1:]:
        for key in dict.fromkeys([*first.settings, *other.settings]):
            ours, theirs = first.settings.get(key), other.settings.get(key)
            if ours != theirs:
                yield f"different {key}: {first.path} {ours}, {other.path} {theirs}"
        # The same number of objects is not enough: means over other objects are not comparable.
        if first.objects.keys() != other.objects.keys():
            yield (
                f"different objects: {first.path} has {len(first.objects)}, "
                f"{other.path} {len(other.objects)}, "
                f"{len(first.objects.keys() & other.objects.keys())} of them the same"
            )
        yield from _object_differences(
            first, other, "numbers of scored frames", lambda scored: scored.frames
        )
        # In Table 3, only the note on G depends on the groups.
        if table == 2 or None not in (first.G, other.G):
            yield from _object_differences(first, other, "seen/unseen objects", _group)


def _object_differences(
    first: ResultFile, other: ResultFile, what: str, fact: Callable[[ScoredObject], object]
) -> Iterable[str]:
    """One line if a fact of an object differs; it names the first such object."""
    lines = []
    for key in (key for key in first.objects if key in other.objects):
        ours, theirs = fact(first.objects[key]), fact(other.objects[key])
        if ours != theirs:
            name = " ".join(map(str, key))
            lines.append(f"{name} in {first.path}: {ours}, in {other.path}: {theirs}")
    if lines:
        yield f"different {what}: {lines[0]}{and_more(lines[1:])}"


def _group(scored: ScoredObject) -> str:
    return {True: "seen", False: "unseen", None: "not known"}[scored.seen]
