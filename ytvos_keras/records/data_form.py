"""Detect whether a folder contains records or images."""

from collections.abc import Collection
from pathlib import Path

from ytvos_keras.datasets.layouts import check_all_frames, find_layout, list_layout
from ytvos_keras.datasets.readers.listing import Listing
from ytvos_keras.records.index import DATASET_FILE

RECORDS = "records"


def open_listing(
    root: str | Path,
    layout: str | None,
    *,
    all_frames: bool = False,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> Listing | None:
    """List the videos of a data set's folders; None if `root` contains records.

    `layout` is `RECORDS` or one of `datasets.layouts.LAYOUTS`; None detects it. The other arguments
    are those of `list_layout`.
    """
    root = Path(root)
    if layout is None:
        # Unfinished records have no dataset.json yet, but must not be taken for images.
        is_records = (root / DATASET_FILE).is_file() or any(root.glob("*.tfrecord"))
        layout = RECORDS if is_records else find_layout(root)
    if layout == RECORDS:
        check_all_frames(all_frames, layout)
        return None
    return list_layout(root, layout, all_frames=all_frames, videos=videos, exclude=exclude)
