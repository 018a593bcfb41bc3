"""`ytvos-prepare`: records and clips from data sets and raw videos; checks and statistics."""

import argparse

from ytvos_keras.cli import (
    prepare_check,
    prepare_davis,
    prepare_images,
    prepare_split,
    prepare_stats,
    prepare_videos,
    prepare_youtube_vos,
)
from ytvos_keras.cli.common import command_parser, run

COMMANDS = (
    prepare_youtube_vos,
    prepare_davis,
    prepare_images,
    prepare_videos,
    prepare_check,
    prepare_stats,
    prepare_split,
)

DESCRIPTION = """\
Turn data sets into records for training, check them for faults, and report
statistics. Each command has its own --help.
"""

EXAMPLES = """\
examples:
  ytvos-prepare check YouTube-VOS/train --fix
  ytvos-prepare youtube-vos YouTube-VOS/train records
  ytvos-prepare stats records --plots records.png
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code, see `cli.common.run`; 1 also if faults are found."""
    arguments = parser().parse_args(argv)
    # `run` returns the exit code after an error; the command's own one is passed in the list.
    command, outcome = arguments.command, []
    failed = run(
        lambda: outcome.append(command.run(arguments)),
        quiet=arguments.quiet,
        hint=lambda: getattr(arguments, "hint", ""),
    )
    return failed or outcome[0]


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    whole = command_parser("ytvos-prepare", DESCRIPTION, EXAMPLES)
    names = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = names.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=command.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(command=command)
    return whole


if __name__ == "__main__":
    raise SystemExit(main())
