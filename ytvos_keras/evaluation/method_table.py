"""Tables of methods with the best values in bold, for the terminal and as Markdown."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from ytvos_keras.plain_table import plain_table

UNKNOWN = "–"


class Part(NamedTuple):
    """One value of a cell."""

    text: str
    best: bool = False


Cell = tuple[Part, ...]  # one value, or those of seen and unseen categories


@dataclass(frozen=True)
class MethodTable:
    """One table.

    Args:
        heading: what the table contains, in one line.
        columns: headings of the cells, without that of the method.
        rows: (method, cells).
        notes: lines below the table.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...] = ()

    def to_markdown(self) -> str:
        """Heading, table and notes as Markdown, with a line break at the end."""
        # A bar in a name would start another cell.
        names = [name.replace("|", "\\|") for name, _ in self.rows]
        rows = [("method", *self.columns), ("---", *("---:" for _ in self.columns))]
        rows += [
            (name, *map(_markdown_cell, cells))
            for name, (_, cells) in zip(names, self.rows, strict=True)
        ]
        lines = [f"{self.heading}:", "", *(f"| {' | '.join(row)} |" for row in rows)]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"

    def print(self, console: Console) -> None:
        """Print heading, table and notes; Table 2's six columns fit 80 characters."""
        table = plain_table("method", self.columns, min_width=6)
        for method, cells in self.rows:
            table.add_row(Text(method), *map(_rich_cell, cells))
        console.print(self.heading, highlight=False, markup=False)
        console.print(table)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)


def percent(value: float) -> str:
    """`0.6094` as `60.9`; NaN as a dash."""
    # Adding 0 turns -0.0, from rounding small negative decays, into 0.0.
    return UNKNOWN if math.isnan(value) else f"{round(100 * value, 1) + 0:.1f}"


def seconds(value: float) -> str:
    """Three significant digits: `0.16`, `42.2`; NaN as a dash."""
    return UNKNOWN if math.isnan(value) else f"{value:.3g}"


def best_text(texts: Sequence[str], choose: Callable[..., str]) -> str | None:
    """The best known value of a column as printed, so that equal texts are ties.

    `texts` are those of all methods, `choose` is `min` or `max`. None if there is only one method.
    """
    known = [text for text in texts if text != UNKNOWN]
    return choose(known, key=float) if len(texts) > 1 and known else None


def _markdown_cell(cell: Cell) -> str:
    return "/".join(f"**{part.text}**" if part.best else part.text for part in cell)


def _rich_cell(cell: Cell) -> Text:
    return Text("/").join(Text(part.text, "bold" if part.best else "") for part in cell)
