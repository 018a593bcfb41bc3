"""`ytvos-prepare davis`: records from DAVIS 2016 and 2017."""

import argparse
from pathlib import Path

from ytvos_keras.cli.prepare_data import choice_of_videos
from ytvos_keras.cli.prepare_records import RULES, add_record_arguments, write

NAME = "davis"
SUMMARY = "DAVIS 2016 and 2017 → records"
DESCRIPTION = f"""\
Write records of DAVIS. SRC contains JPEGImages, Annotations and ImageSets, or
several folders that do.

{RULES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("source", type=Path, metavar="SRC", help="folder as above")
    add_record_arguments(parser)
    parser.add_argument(
        "--year",
        type=int,
        choices=(2016, 2017),
        default=2017,
        help="2016: all nonzero pixels are one object; 2017: each id is an object (default: 2017)",
    )
    parser.add_argument(
        "--image-set",
        metavar="NAME",
        help="list in ImageSets, such as val (default: the one named like --split, if ImageSets "
        "exists and --videos is not given)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ytvos_keras.datasets.readers.davis import read_davis

    image_set = arguments.image_set
    # --videos is a choice already, which a default image set would narrow.
    if image_set is None and arguments.videos is None and (arguments.source / "ImageSets").is_dir():
        image_set = arguments.split
    return write(
        arguments,
        lambda: read_davis(
            arguments.source, year=arguments.year, split=image_set, **choice_of_videos(arguments)
        ),
    )
