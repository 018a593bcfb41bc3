"""Results of a benchmark, as JSON and as a table."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ytvos_keras.bench.measure import Timing
from ytvos_keras.media.json_file import write_json

Label = str | int


@dataclass(frozen=True)
class Row:
    """One case: labels that identify it, and its figures, whose names end with the unit."""

    labels: dict[str, Label]
    figures: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Two implementations of the same work, timed in the same run."""

    what: str
    reference: Timing
    ours: Timing

    @property
    def ratio(self) -> float:
        """Median reference time ÷ our median time: above 1 means that ours is faster."""
        return self.reference.median / self.ours.median

    @property
    def ratio_of_minima(self) -> float:
        """Like `ratio`, for the shortest times; if they differ much, the machine was too busy."""
        return self.reference.minimum / self.ours.minimum


@dataclass(frozen=True)
class Figure:
    """A number that is neither in a row nor a comparison, with its JSON key and text."""

    name: str
    value: float
    text: str


@dataclass(frozen=True)
class Report:
    """The outcome of one benchmark.

    Args:
        benchmark: Its name on the command line.
        settings: What was measured, ready for JSON; a shape is a tuple of numbers.
        machine: From `describe_machine`.
        rows: The cases, all with the same labels and figures.
        comparisons: The main one first: its ratio is the report's `ratio`.
        figures: Further numbers.
        peak_memory_mb: Largest resident memory of the whole run, in MB (10⁶ bytes).
    """

    benchmark: str
    settings: dict[str, object]
    machine: dict[str, object]
    rows: list[Row]
    comparisons: list[Comparison] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    peak_memory_mb: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return everything in plain types."""
        content: dict[str, object] = {
            "benchmark": self.benchmark,
            "settings": self.settings,
            "machine": self.machine,
            "rows": [{**row.labels, **row.figures} for row in self.rows],
            "comparisons": [
                {
                    "what": comparison.what,
                    "reference_s": comparison.reference.median,
                    "ours_s": comparison.ours.median,
                    "ratio": comparison.ratio,
                    "ratio_of_minima": comparison.ratio_of_minima,
                }
                for comparison in self.comparisons
            ],
            "figures": {figure.name: figure.value for figure in self.figures},
            "peak_memory_mb": self.peak_memory_mb,
        }
        if self.comparisons:
            content["ratio"] = self.comparisons[0].ratio
        return content

    def write_json(self, path: Path) -> None:
        """Write `to_dict` to a file, with null for NaN; creates its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _without_nan(self.to_dict()))

    def print(self, console: Console) -> None:
        """Print settings, table, comparisons and machine; the table fits 80 columns."""
        settings = ", ".join(f"{name} {_text(value)}" for name, value in self.settings.items())
        console.print(f"{self.benchmark}: {settings}", highlight=False, markup=False)
        console.print(self._table())
        lines = [
            f"{comparison.what}: {comparison.ratio:.2f} times as fast "
            f"({comparison.ratio_of_minima:.2f} by the minima)"
            for comparison in self.comparisons
        ]
        lines += [figure.text for figure in self.figures]
        if self.peak_memory_mb is not None:
            lines.append(f"peak memory of the whole run: {self.peak_memory_mb:.0f} MB")
        machine = self.machine
        lines.append(
            f"{machine['cpu']}, {machine['cores']} cores (load before: "
            f"{machine['load_average_before']}), TensorFlow {machine['tensorflow']}, "
            f"Keras {machine['keras']}, {machine['date']}"
        )
        for line in lines:
            console.print(line, highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table()
        for name in self.rows[0].labels:
            table.add_column(name)
        for name in self.rows[0].figures:
            table.add_column(_heading(name), justify="right", no_wrap=True)
        for row in self.rows:
            # Text: a name may contain brackets, which would be markup.
            cells = [Text(str(label)) for label in row.labels.values()]
            table.add_row(*cells, *(_figure(name, value) for name, value in row.figures.items()))
        return table


def _without_nan(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: object) -> str:
    if isinstance(value, tuple):  # a shape
        return "×".join(map(str, value))
    if isinstance(value, list):
        return "/".join(map(str, value))
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _heading(name: str) -> str:
    name, _, unit = name.rpartition("_")
    return f"{name.replace('_', ' ')}, {unit}"


def _figure(name: str, value: float) -> str:
    return f"{value:.4f}" if name.endswith("_s") else f"{value:.4g}"
