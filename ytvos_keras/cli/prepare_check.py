"""`ytvos-prepare check`: every fault of a data set or of records."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.cli.common import FAILED, add_jobs, check_output_file
from ytvos_keras.cli.prepare_data import add_data_arguments, choice_of_videos
from ytvos_keras.cli.prepare_records import add_quiet
from ytvos_keras.cli.progress import frame_progress

if TYPE_CHECKING:
    from ytvos_keras.datasets.check.report import CheckReport

NAME = "check"
SUMMARY = "list every fault in a data set or in records, and the file it is in"
DESCRIPTION = """\
Open every frame and mask and list what is wrong, with the file and what to do
about it. The exit code is 1 if there is a fault; notes do not count.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_data_arguments(parser)
    add = parser.add_argument
    add(
        "--fix",
        action="store_true",
        help="repair what can be repaired without guessing (masks saved in another form; masks "
        "without a frame); the originals go to DATA/unfixed and DATA/faulty",
    )
    add("--json", type=Path, metavar="FILE", help="also write the faults here")
    add_jobs(parser, "processes")
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.json:
        check_output_file("--json", arguments.json)
    report = _check(arguments)
    if arguments.fix:
        from ytvos_keras.datasets.check.repair import repair

        if repair(report, lambda fault: print(f"repaired: {fault.file}")):
            report = _check(arguments)
    # Before printing, since the reader of the text may close the pipe (`| head`).
    if arguments.json:
        from ytvos_keras.media.json_file import write_json

        write_json(arguments.json, report.to_dict())
    print("\n".join(report.lines()))
    return 0 if report.is_clean else FAILED


def _check(arguments: argparse.Namespace) -> "CheckReport":
    from ytvos_keras.records.check import check

    with frame_progress(arguments.quiet) as progress:
        return check(
            arguments.data,
            layout=arguments.layout,
            all_frames=arguments.all_frames,
            jobs=arguments.jobs,
            on_progress=progress,
            **choice_of_videos(arguments),
        )
