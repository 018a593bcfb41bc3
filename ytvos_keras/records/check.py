"""Find all faults of a data set, in folders or in records."""

from collections.abc import Collection
from pathlib import Path

from ytvos_keras.datasets.check.check_videos import check_videos
from ytvos_keras.datasets.check.report import CheckReport
from ytvos_keras.progress import Progress, silent
from ytvos_keras.records.check_records import check_records
from ytvos_keras.records.data_form import open_listing


def check(
    root: str | Path,
    *,
    layout: str | None = None,
    all_frames: bool = False,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
    jobs: int = 1,
    on_progress: Progress = silent,
) -> CheckReport:
    """Decode every frame and mask of a data set and list its faults, see `faults.KINDS`.

    Args:
        root: a data set's folder, or a folder of records.
        layout: one of `datasets.layouts.LAYOUTS`, or `records`; None to detect it.
        all_frames: see `read_youtube_vos`.
        videos: names of the videos to check; None for all. See `select_names`.
        exclude: names of videos to skip.
        jobs: number of processes.
        on_progress: called with (stage, frames done, total frames).

    Returns:
        The faults and notes, and the number of videos and frames checked.

    Raises:
        InputError: `root` cannot be read as a data set at all.
    """
    listing = open_listing(root, layout, all_frames=all_frames, videos=videos, exclude=exclude)
    if listing is None:
        return check_records(
            root, videos=videos, exclude=exclude, jobs=jobs, on_progress=on_progress
        )
    return check_videos(
        listing.videos, root=root, faults=listing.faults, jobs=jobs, on_progress=on_progress
    )
