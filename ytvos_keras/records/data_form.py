"""Distinguish a folder of records from a data set in folders of pictures."""

from pathlib import Path

from ytvos_keras.datasets.layouts import find_layout
from ytvos_keras.records.index import DATASET_FILE

RECORDS = "records"


def find_form(root: str | Path) -> str:
    """Detect whether a folder holds records or a data set, and its layout.

    Returns:
        `records` for what `ytvos-prepare` wrote; else one of `datasets.layouts.LAYOUTS`.

    Raises:
        InputError: none of them.
    """
    root = Path(root)
    if (root / DATASET_FILE).is_file() or any(root.glob("*.tfrecord")):
        return RECORDS
    return find_layout(root)
