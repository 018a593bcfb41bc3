"""Distinguish a folder of records from a data set in folders of pictures."""

from pathlib import Path

from ytvos_keras.datasets.layouts import find_layout
from ytvos_keras.records.index import DATASET_FILE

RECORDS = "records"


def find_form(root: str | Path) -> str:
    """Detect whether a folder contains records written by `ytvos-prepare`, or a data set.

    Returns `RECORDS`, or the layout of the data set, one of `datasets.layouts.LAYOUTS`.
    """
    root = Path(root)
    # Unfinished records have no dataset.json yet, but must not be taken for pictures.
    if (root / DATASET_FILE).is_file() or any(root.glob("*.tfrecord")):
        return RECORDS
    return find_layout(root)
