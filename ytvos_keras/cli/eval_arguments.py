"""The arguments of `ytvos-eval`."""

import argparse
from pathlib import Path

from ytvos_keras.argument_types import name_list, positive_number
from ytvos_keras.cli.common import add_jobs, command_parser

DESCRIPTION = """\
Score predicted masks against the ground truth: region similarity J and contour
accuracy F, each with its mean, recall (share of frames above 0.5) and decay
(first quarter of the frames minus the last), averaged over objects.

Both folders contain one folder of PNGs per sequence; the ground truth may also
be the root of DAVIS or a split of YouTube-VOS. Masks must have the size of the
ground truth, and every scored frame needs one; other files are ignored.
"""

_NOT_IN_FILE_NAMES = set('/\\:*?"<>|')  # on Windows

EPILOG = """\
protocols:
  davis2016    all nonzero pixels (255 too) are one object; the first and the
               last frame are not scored
  davis2017    the objects of the first true mask; the first and the last frame
               are not scored; 255 in the ground truth is background
  youtube-vos  each object in the frames that meta.json lists for it, except the
               first of them (without a meta.json: all frames with a mask, after
               the one in which it first appears); G needs --seen-from or
               --unseen. Which frames the benchmark's server leaves out was
               never published: --exclude-last also leaves out each object's
               last one

other commands:
  ytvos-eval compare …     several results in one table, as in the paper
  ytvos-eval submission …  write or check the zip file for a benchmark's server

examples:
  ytvos-eval --predictions masks --ground-truth DAVIS --protocol davis2017 \\
      --split val
  ytvos-eval --predictions ours=a --predictions other=b \\
      --ground-truth YouTube-VOS/train --protocol youtube-vos \\
      --sequences $(cat lists/test_seen.txt lists/test_unseen.txt) \\
      --unseen penguin,snail --json scores.json --html report.html
with the lists and the unseen categories of `ytvos-prepare split`
"""


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse and check; `predictions` becomes a dict of method → folder."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-eval", DESCRIPTION, EPILOG)
    _add_data_arguments(parser)
    _add_youtube_vos_arguments(parser.add_argument_group("only for --protocol youtube-vos"))
    _add_output_arguments(parser.add_argument_group("output"))
    return parser


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--predictions",
        action="append",
        required=True,
        metavar="DIR",
        help="predicted masks; NAME=DIR names the method; repeat for several methods",
    )
    add("--ground-truth", required=True, metavar="DIR", help="true masks")
    add(
        "--protocol",
        required=True,
        choices=("davis2016", "davis2017", "youtube-vos"),
        help="scoring rules",
    )
    add(
        "--split",
        metavar="NAME",
        help="DAVIS: a list in ImageSets; YouTube-VOS: a subfolder of --ground-truth",
    )
    add("--sequences", nargs="+", metavar="NAME", help="score only these")


def _add_youtube_vos_arguments(group) -> None:
    add = group.add_argument
    seen = group.add_mutually_exclusive_group()
    seen.add_argument(
        "--seen-from",
        metavar="META",
        help="meta.json of the videos that the model was trained on, without held-out ones",
    )
    seen.add_argument(
        "--unseen",
        type=name_list,
        metavar="NAME,…",
        help="categories that the model was not trained on",
    )
    add("--exclude-last", action="store_true", help="also leave out each object's last frame")
    add(
        "--frames",
        choices=("every", "listed"),
        help="which frames the method was given: every (all, at 30 per second), or listed (only "
        "those in meta.json or with a true mask; a predicted mask of another frame is then an "
        "error); recorded in the output",
    )


def _add_output_arguments(group) -> None:
    add = group.add_argument
    several = "for several methods, one file each, with NAME in the file name"
    add("--json", type=Path, metavar="FILE", help=f"scores of every object; {several}")
    add("--csv", type=Path, metavar="FILE", help=f"one row per object; {several}")
    add("--html", type=Path, metavar="FILE", help="one page with tables, curves and images")
    add("--per-object", action="store_true", help="also print a row for each object")
    add(
        "--seconds-per-frame",
        type=positive_number,
        metavar="X",
        help="time that the method took; recorded in the output",
    )
    add_jobs(group, "processes")
    add("--quiet", action="store_true", help="show no progress")


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Report usage errors that argparse cannot detect, and exit with 2."""
    if "" in arguments.predictions or not arguments.ground_truth:
        parser.error("--predictions and --ground-truth need a folder. Received: ''")
    for option in ("split", "seen_from", "unseen"):
        if getattr(arguments, option) in ("", []):
            parser.error(f"--{option.replace('_', '-')} must not be empty; leave it out instead")
    split = [split_name(text) for text in arguments.predictions]
    # Absolute: `.` has no name.
    named = [(name or Path(folder).absolute().name, folder) for name, folder in split]
    _check_names(parser, arguments, [name for name, _ in named])
    arguments.predictions = dict(named)
    files = [path for path in (arguments.json, arguments.csv, arguments.html) if path]
    if len(set(files)) < len(files):
        parser.error("--json, --csv and --html need different files")
    only = {
        "--seen-from": arguments.seen_from,
        "--unseen": arguments.unseen,
        "--exclude-last": arguments.exclude_last,
        "--frames": arguments.frames,
    }
    given = [option for option, value in only.items() if value]
    if given and arguments.protocol != "youtube-vos":
        parser.error(f"{given[0]} is only for --protocol youtube-vos")


def _check_names(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, names: list[str]
) -> None:
    for name in names:
        if names.count(name) > 1:
            parser.error(f"two --predictions are called {name!r}; give them names: NAME=DIR")
        written = len(names) > 1 and (arguments.json or arguments.csv)
        if written and _NOT_IN_FILE_NAMES & set(name):
            characters = " ".join(sorted(_NOT_IN_FILE_NAMES))
            parser.error(
                f"a NAME is used in file names: it must not contain {characters}. "
                f"Received: {name!r}"
            )
    if len(names) > 1 and arguments.seconds_per_frame is not None:
        parser.error("--seconds-per-frame is for one method; give a single --predictions")


def split_name(text: str) -> tuple[str | None, str]:
    """Split `NAME=PATH`; the name is None if it is missing, or if the whole text is a path."""
    name, _, path = text.partition("=")
    # If the whole text is an existing path, its name contains a `=`.
    return (name, path) if name and path and not Path(text).exists() else (None, text)
