"""`ytvos-eval compare`: several methods in one table, laid out as in the paper."""

import argparse
import sys

from ytvos_keras.cli.common import command_parser, run, table_console
from ytvos_keras.cli.eval_arguments import split_name

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
    """Run the command and return its exit code, see `cli.common.run`."""
    arguments = _parser().parse_args(argv)
    return run(lambda: _compare(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-eval compare", DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add(
        "results",
        nargs="+",
        metavar="[NAME=]FILE.json",
        help="files written by --json, all of one protocol; methods are called NAME, or by the "
        "name of the file",
    )
    add(
        "--table",
        type=int,
        choices=(2, 3),
        help="layout; default: 2 if all files have seen or unseen categories, else 3",
    )
    add(
        "--cite-paper",
        action="store_true",
        help="add the paper's rows in a separate table: Table 2 for youtube-vos, Table 3 for "
        "davis2016",
    )
    add("--markdown", action="store_true", help="print Markdown")
    return parser


def _compare(arguments: argparse.Namespace) -> None:
    from ytvos_keras.evaluation.comparison import compare, read_result

    results = [read_result(path, name) for name, path in map(split_name, arguments.results)]
    comparison = compare(results, table=arguments.table, cite_paper=arguments.cite_paper)
    for line in comparison.warnings:
        print(f"warning: {line}", file=sys.stderr)
    # Cited rows stand apart: they were measured on other data or machines.
    tables = [comparison.measured, *filter(None, [comparison.cited])]
    if arguments.markdown:
        print("\n".join(table.to_markdown() for table in tables), end="")
        return
    console = table_console()
    for index, table in enumerate(tables):
        if index:
            console.print()
        table.print(console)


if __name__ == "__main__":
    raise SystemExit(main())
