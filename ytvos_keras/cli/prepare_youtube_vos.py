"""`ytvos-prepare youtube-vos`: records from YouTube-VOS, or your own videos in its layout."""

import argparse
from pathlib import Path

from ytvos_keras.cli.prepare_data import add_all_frames, choice_of_videos
from ytvos_keras.cli.prepare_records import RULES, add_record_arguments, write

NAME = "youtube-vos"
SUMMARY = "YouTube-VOS, or your own videos in its layout → records"
DESCRIPTION = f"""\
Write records of YouTube-VOS (2018, 2019), or of your own videos in its layout:

  SRC/JPEGImages/VIDEO/00000.jpg     frames in natural order, JPEG or PNG
  SRC/Annotations/VIDEO/00000.png    masks of some frames: 0 background,
                                     1-254 ids
  SRC/meta.json                      categories of the objects (may be missing)

{RULES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="SRC",
        help="folder as above, or one that contains several of them: only the one named like "
        "--split is read, or all if there is none",
    )
    add_record_arguments(parser)
    add_all_frames(parser, "SRC")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ytvos_keras.datasets.readers.youtube_vos import read_youtube_vos

    source, of_split = arguments.source, arguments.source / arguments.split
    # An unpacked SRC contains train, valid and test, one of which becomes the split.
    if (of_split / "JPEGImages").is_dir() and not (source / "JPEGImages").is_dir():
        source = of_split
    return write(
        arguments,
        lambda: read_youtube_vos(
            source, all_frames=arguments.all_frames, **choice_of_videos(arguments)
        ),
    )
