"""Write videos to a folder of records, with Apache Beam or, for a small one, in this process."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError
from ytvos_keras.progress import Progress, silent
from ytvos_keras.records.beam_pipeline import check_beam, run_each
from ytvos_keras.records.folder import add_split, describe_split, is_whole, make_room
from ytvos_keras.records.run_folder import RunEndedError, RunFolder
from ytvos_keras.records.shard_plan import ShardTask, plan_shards
from ytvos_keras.records.write_shard import run_task, write_shard

logger = logging.getLogger(__name__)


def write_records(
    videos: Sequence[Video],
    output: str | Path,
    *,
    split: str = "train",
    source: str,
    shards: int | None = None,
    jobs: int = 1,
    beam_options: Sequence[str] = (),
    skip_faulty: bool = False,
    overwrite: bool = False,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write videos as sharded TFRecords, one record per video; see `schema` and `index`.

    The assignment of videos to shards depends only on their order and number, so any number of
    workers writes the same files. Shards are written atomically. After an interruption, the same
    call keeps complete shards whose source files have not changed (by size and modification time),
    and writes the others; `dataset.json` comes last.

    Args:
        videos: with unique names.
        output: the folder to write to, created if it does not exist. It may contain other splits.
            With workers on other machines, all must see it under this path.
        split: prefix of the shard names; letters, digits, `_`, `-` and `.`.
        source: name of the data set, stored in the records.
        shards: number of shards; see `shard_plan.plan_shards`.
        jobs: number of shards written in parallel on this machine.
        beam_options: for another runner; see `beam_pipeline.run_each`.
        skip_faulty: skip videos with a fault (`dataset.json` lists them).
        overwrite: replace the shards of this split that were written from something else, or are
            damaged.
        on_progress: called with "videos", the number done and the total.

    Returns:
        The entry of the split in `dataset.json`.

    Raises:
        InputError: a fault in a video, a folder that cannot be used, a full disk; one line.

    Example:
        >>> write_records(read_davis("DAVIS", split="train"), "records", source="davis")["videos"]
        60
    """
    check_beam()
    output = Path(output)
    _check_names(videos, split)
    tasks = plan_shards(
        videos, output, split=split, source=source, shards=shards, skip_faulty=skip_faulty
    )
    make_room(output, split, tasks, overwrite=overwrite)
    missing = [task for task in tasks if not is_whole(task)]
    if kept := len(tasks) - len(missing):
        logger.info("%d of %d shards already exist", kept, len(tasks))
    if missing:
        try:
            with RunFolder.new(output, split) as run:
                _write(missing, run, len(videos), jobs, beam_options, on_progress)
        except RunEndedError as error:
            raise InputError(
                f"{output}: another ytvos-prepare has started to write there; wait for it."
            ) from error
        except OSError as error:
            raise InputError(f"{output}: cannot be written. ({error.strerror or error})") from error
    entry = describe_split(tasks)
    add_split(output, split, entry)
    return entry


def write_in_process(
    videos: Sequence[Video],
    output: str | Path,
    *,
    split: str = "train",
    source: str,
    shards: int | None = None,
) -> Path:
    """Write the same files as `write_records`, one shard after the other, and return `output`.

    Without Beam and without resuming: `output` must be a new folder, or one with other splits.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    tasks = plan_shards(
        videos, output, split=split, source=source, shards=shards, skip_faulty=False
    )
    with RunFolder.new(output, split) as run:
        for task in tasks:
            write_shard(task, run)
    add_split(output, split, describe_split(tasks))
    return output


def _check_names(videos: Sequence[Video], split: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", split):
        raise InputError(f"a split is named with letters, digits, _, - and . Received: {split!r}")
    if not videos:
        raise InputError("there are no videos to write.")
    names = Counter(video.name for video in videos)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise InputError(f"video names must be unique. Received {count} videos named {name!r}.")


def _write(
    tasks: Sequence[ShardTask],
    run: RunFolder,
    total: int,
    jobs: int,
    beam_options: Sequence[str],
    on_progress: Progress,
) -> None:
    """Write shards; `total` includes the videos of shards that already exist."""
    kept = total - sum(len(task.videos) for task in tasks)

    def show_progress() -> None:
        if done := run.done:
            # A runner may repeat a shard, whose videos are then counted twice.
            on_progress("videos", min(kept + done, total), total)

    run_each(
        run_task,
        [str(run.add_task(task.path.stem, task)) for task in tasks],
        jobs=jobs,
        beam_options=beam_options,
        while_running=show_progress,
        stop=run.remove,
    )
    if message := run.failure:
        raise InputError(message)
    show_progress()
