"""Print statistics of data sets on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape

from ytvos_keras.datasets.statistics.measure import DatasetStatistics, summarize
from ytvos_keras.plain_table import plain_table

_CATEGORIES = 10  # the most frequent ones; all are in the JSON and the plots


def print_statistics(statistics: Mapping[str, DatasetStatistics], console: Console) -> None:
    """Print the columns of the paper's Table 1 and the distributions, in 80 columns.

    `statistics` has the name of each data set or split as a key.
    """
    first = next(iter(statistics.values()))
    table = plain_table("", first.table_1, min_width=10)
    for name, figures in statistics.items():
        table.add_row(escape(name), *map(_number, figures.table_1.values()))
    console.print(table)
    for name, figures in statistics.items():
        console.print()
        _print_distributions(name, figures, console)


def _print_distributions(name: str, figures: DatasetStatistics, console: Console) -> None:
    table = plain_table(escape(name), summarize(figures.seconds), min_width=10)
    for quantity, values in figures.distributions.items():
        table.add_row(quantity, *map(_number, summarize(values).values()))
    console.print(table)
    of_frames = f"{figures.annotated_frames:,} of {figures.frames:,} frames annotated"
    # markup=False: a name may contain brackets.
    console.print(of_frames, highlight=False, markup=False)
    if figures.categories:
        most = list(figures.categories.items())[:_CATEGORIES]
        more = len(figures.categories) - len(most)
        listed = ", ".join(f"{category} {count:,}" for category, count in most)
        rest = f" and {more} more categories" if more else ""
        console.print(f"objects: {listed}{rest}", highlight=False, markup=False)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
