"""The tables that commands print."""

from collections.abc import Iterable

from rich import box
from rich.table import Table


def plain_table(heading: str, columns: Iterable[str], *, min_width: int | None = None) -> Table:
    """Return an empty table without a frame, with a column of names and columns of numbers.

    Args:
        heading: heading of the names, which are folded if the terminal is too narrow.
        columns: headings of the numbers.
        min_width: width, in characters, below which names are not folded.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(heading, overflow="fold", min_width=min_width)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
