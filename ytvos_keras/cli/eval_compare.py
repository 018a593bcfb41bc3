"""`ytvos-eval compare`: several methods in one table, laid out as in the paper."""

import argparse
import sys
from pathlib import Path

from ytvos_keras.cli.common import command_parser, run, table_console

DESCRIPTION = """\
Compare methods that `ytvos-eval --json` scored: mean, recall and decay of J
and F for seen/unseen categories (the paper's Table 2), or mean IoU, F and
seconds per frame (its Table 3); in percent, the best of each column in bold.
"""

EXAMPLES = """\
examples:
  ytvos-eval compare scores.ours.json scores.other.json
  ytvos-eval compare "s2s-lite=a.json" "first mask copied=b.json" \\
      --cite-paper --markdown
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the names of program and subcommand; those of the process if None.

    Returns:
        0, 1 for an error, 130 for an interruption. Usage errors raise SystemExit with 2.
    """
    arguments = _parser().parse_args(argv)
    return run(lambda: _compare(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-eval compare", DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add(
        "results",
        nargs="+",
        metavar="[NAME=]FILE.json",
        help="what --json wrote, all of one protocol; the method is called NAME, or as the file",
    )
    add(
        "--table",
        type=int,
        choices=(2, 3),
        help="layout; default: 2 where all files know seen and unseen categories, else 3",
    )
    add(
        "--cite-paper",
        action="store_true",
        help="add the paper's own rows in a separate table: of its Table 2 for youtube-vos, "
        "of its Table 3 for davis2016",
    )
    add("--markdown", action="store_true", help="print Markdown")
    return parser


def _compare(arguments: argparse.Namespace) -> None:
    from ytvos_keras.evaluation.comparison import compare, read_result

    results = [read_result(path, name) for name, path in map(_named, arguments.results)]
    comparison = compare(results, table=arguments.table, cite_paper=arguments.cite_paper)
    for line in comparison.warnings:
        print(f"warning: {line}", file=sys.stderr)
    tables = [comparison.measured, *filter(None, [comparison.cited])]
    if arguments.markdown:
        print("\n".join(table.to_markdown() for table in tables), end="")
        return
    console = table_console()
    for index, table in enumerate(tables):
        if index:
            console.print()
        table.print(console)


def _named(text: str) -> tuple[str | None, str]:
    """`NAME=FILE` in parts; the name is None if there is none, or the whole is a file."""
    name, separator, path = text.partition("=")
    return (name, path) if separator and name and not Path(text).exists() else (None, text)


if __name__ == "__main__":
    raise SystemExit(main())
