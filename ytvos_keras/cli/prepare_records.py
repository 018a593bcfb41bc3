"""Arguments shared by the `ytvos-prepare` commands that write records."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytvos_keras.argument_types import positive
from ytvos_keras.cli.common import add_jobs, prepare_tensorflow
from ytvos_keras.cli.prepare_data import add_choice_of_videos
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.quiet_import import import_tensorflow

if TYPE_CHECKING:
    from ytvos_keras.datasets.video import Video

HINT = "run the same command again to resume where it stopped"

RULES = """\
Images are stored unchanged, one record per video, in shards that are written
atomically; dataset.json comes last. Run the same command again to resume an
interrupted run. A frame or mask with a fault stops the run with an error that
names the file, unless --skip-faulty is given. A fault of the folders, such as
a mask without its frame, always stops it: leave such videos out with --exclude.
"""


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the output folder, the choice of videos, and the options for writing."""
    add = parser.add_argument
    add("output", type=Path, metavar="OUT", help="folder for the records")
    add("--split", default="train", metavar="NAME", help="split to write (default: train)")
    add_choice_of_videos(parser)
    add(
        "--shards",
        type=positive,
        metavar="N",
        help="number of files (default: one per 128 MB, but at least 8)",
    )
    add(
        "--skip-faulty",
        action="store_true",
        help="leave out videos with a faulty frame or mask, and list them",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace the shards of this split that are damaged or differ from SRC",
    )
    add_jobs(parser, "shards written at the same time")
    add_quiet(parser)
    parser.set_defaults(hint=HINT)
    add(
        "--beam",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="…",
        help="pass all following options to Apache Beam, to write on other machines, for example: "
        "--beam --runner=FlinkRunner --flink_master=HOST:8081",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def write(
    arguments: argparse.Namespace, read: "Callable[[], list[Video]]", source: str | None = None
) -> int:
    """Read the list of videos, write the records and print a summary."""
    from ytvos_keras.records.beam_pipeline import check_beam

    check_beam()
    videos = read()
    # Import late: TensorFlow takes seconds to load, and a wrong path should fail at once.
    from ytvos_keras.records.write_records import write_records

    prepare_tensorflow()
    import_tensorflow()
    with frame_progress(arguments.quiet, "videos") as report:
        entry = write_records(
            videos,
            arguments.output,
            split=arguments.split,
            source=source or arguments.command.NAME,
            shards=arguments.shards,
            jobs=arguments.jobs,
            beam_options=arguments.beam,
            skip_faulty=arguments.skip_faulty,
            overwrite=arguments.overwrite,
            on_progress=report,
        )
    if not arguments.quiet:
        _print(arguments, entry)
    return 0


def _print(arguments: argparse.Namespace, entry: dict[str, Any]) -> None:
    counts = ", ".join(
        f"{entry[key]:,} {key.replace('_', ' ')}"
        for key in ("videos", "frames", "annotated_frames", "objects", "annotations")
    )
    print(f"{arguments.split}: {counts}")
    print(f"records: {arguments.output} ({len(entry['shards'])} shards, {_size(entry['bytes'])})")
    for video in entry["skipped"]:
        print(f"left out: {video['name']} ({video['fault']})")


def _size(size: int) -> str:
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"
