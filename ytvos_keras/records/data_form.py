"""Tell a folder of records from a data set in folders of pictures."""

from pathlib import Path

from ytvos_keras.datasets.layouts import find_layout
from ytvos_keras.records.index import DATASET_FILE

RECORDS = "records"


def find_form(root: str | Path) -> str:
    """Tell the form of a data set by its files.

    Returns:
        `records` for what `ytvos-prepare` wrote; else one of `datasets.layouts.LAYOUTS`.

    Raises:
        InputError: none of them.
    """
    root = Path(root)
    if (root / DATASET_FILE).is_file() or any(root.glob("*.tfrecord")):
        return RECORDS
    return find_layout(root)
