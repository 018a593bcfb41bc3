"""Write a small folder of records in this process, without Beam and without resuming."""

from collections.abc import Sequence
from pathlib import Path

from ytvos_keras.datasets.video import Video
from ytvos_keras.records.folder import add_split, describe_split
from ytvos_keras.records.run_folder import RunFolder
from ytvos_keras.records.shard_plan import plan_shards
from ytvos_keras.records.write_shard import write_shard


def write_in_process(
    videos: Sequence[Video],
    output: str | Path,
    *,
    split: str = "train",
    source: str,
    shards: int | None = None,
) -> Path:
    """Write the same files as `write_records`, one shard after the other.

    Args:
        videos: with names that are all different.
        output: a new folder, or one with other splits.
        split: names the shards.
        source: the data set, for the records.
        shards: number of shards; see `plan_shards`.

    Returns:
        `output`.

    Raises:
        InputError: a fault in a video, or the folder cannot be written.
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
