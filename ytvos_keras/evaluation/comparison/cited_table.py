"""The paper's results as separate tables, marked as cited."""

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.comparison.paper_tables import (
    TABLE_2,
    TABLE_3,
    DAVIS2016Row,
    YouTubeVOSRow,
)
from ytvos_keras.evaluation.method_table import UNKNOWN, Cell, MethodTable, Part, seconds

_TABLE_2_COLUMNS = ("J mean ↑", "J recall ↑", "J decay ↓", "F mean ↑", "F recall ↑", "F decay ↓")
_TABLE_3_COLUMNS = ("OL", "PP", "OF", "RNN", "mean IoU ↑", "s/frame ↓")
_MARKS = {True: "✓", False: "✗", None: UNKNOWN}


def cited_table(protocol: str) -> MethodTable:
    """Return the paper's results on the data set of a protocol, marked as cited.

    Args:
        protocol: `youtube-vos` (Table 2) or `davis2016` (Table 3).

    Returns:
        The table as printed there, without best values.

    Raises:
        InputError: another protocol.
    """
    if protocol == "youtube-vos":
        source, columns = TABLE_2[0].source, _TABLE_2_COLUMNS
        rows = [(_method(row), _table_2_cells(row)) for row in TABLE_2]
    elif protocol == "davis2016":
        source, columns = TABLE_3[0].source, _TABLE_3_COLUMNS
        rows = [(_method(row), _table_3_cells(row)) for row in TABLE_3]
    else:
        raise InputError(
            "the paper has rows for youtube-vos (Table 2) and davis2016 (Table 3) only; leave out "
            f"--cite-paper. Received: {protocol}"
        )
    return MethodTable(
        heading=f"cited ({source})",
        columns=columns,
        rows=tuple(rows),
        notes=("Ours: the paper's own model",),
    )


def _method(row: YouTubeVOSRow | DAVIS2016Row) -> str:
    return row.method if row.reference is None else f"{row.method} [{row.reference}]"


def _table_2_cells(row: YouTubeVOSRow) -> tuple[Cell, ...]:
    pairs = (row.J_mean, row.J_recall, row.J_decay, row.F_mean, row.F_recall, row.F_decay)
    return tuple(tuple(Part(f"{value:.1f}") for value in pair) for pair in pairs)


def _table_3_cells(row: DAVIS2016Row) -> tuple[Cell, ...]:
    texts = [_MARKS[component] for component in (row.OL, row.PP, row.OF, row.RNN)]
    texts += [f"{row.mean_IoU:.1f}", seconds(row.seconds_per_frame)]
    return tuple((Part(text),) for text in texts)
