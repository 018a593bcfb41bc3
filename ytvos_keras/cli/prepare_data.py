"""Arguments of the `ytvos-prepare` commands that read a data set or records."""

import argparse
from pathlib import Path
from typing import Any

LAYOUTS = ("youtube-vos", "davis", "images", "records")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, its layout, and the choice of videos."""
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of a data set, or of records")
    add("--layout", choices=LAYOUTS, help="layout of DATA (default: detected from its folders)")
    add_all_frames(parser, "DATA")
    add_choice_of_videos(parser)


def add_all_frames(parser: argparse.ArgumentParser, folder: str) -> None:
    """Add `--all-frames`."""
    parser.add_argument(
        "--all-frames",
        action="store_true",
        help="for YouTube-VOS: use the frames at 30 per second, from "
        f"{folder}/JPEGImages_all_frames or {folder}_all_frames/JPEGImages",
    )


def add_choice_of_videos(parser: argparse.ArgumentParser) -> None:
    """Add `--videos` and `--exclude`."""
    add = parser.add_argument
    add(
        "--videos",
        type=Path,
        metavar="FILE",
        help="use only the videos named in this text file, one per line",
    )
    add(
        "--exclude",
        nargs="+",
        default=[],
        metavar="NAME",
        help="leave out these videos; FOLDER leaves out all videos called FOLDER/…",
    )


def choice_of_videos(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the choice of videos as keyword arguments for readers."""
    from ytvos_keras.datasets.selection import read_names

    videos = None if arguments.videos is None else read_names(arguments.videos)
    return {"videos": videos, "exclude": arguments.exclude}
