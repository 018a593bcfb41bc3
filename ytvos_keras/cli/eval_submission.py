"""`ytvos-eval submission`: write the zip file for a benchmark's server, or check one."""

import argparse

from ytvos_keras.cli.common import command_parser, run
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.errors import InputError, counted

DESCRIPTION = """\
Write the zip that the server of YouTube-VOS (Annotations/VIDEO/FRAME.png) or
DAVIS 2017 (SEQUENCE/FRAME.png) expects, from folders of masks; or check an
existing zip and list every fault. A new zip is also checked before it gets its
final name.
"""

EXAMPLES = """\
examples:
  ytvos-eval submission --protocol youtube-vos --ground-truth valid \\
      --predictions masks --output results.zip
  ytvos-eval submission --protocol davis2017 --ground-truth DAVIS \\
      --check results.zip
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    work = _write if arguments.check is None else _check_zip
    return run(lambda: work(arguments), quiet=arguments.quiet)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-eval submission", DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("--protocol", required=True, choices=("youtube-vos", "davis2017"))
    add(
        "--ground-truth",
        required=True,
        metavar="ROOT",
        help="folder of the data set, with JPEGImages and Annotations (the first masks are "
        "enough) and meta.json (YouTube-VOS) or ImageSets (DAVIS)",
    )
    add(
        "--split",
        metavar="NAME",
        help="split of DAVIS (default: test-dev), or a folder in ROOT (YouTube-VOS)",
    )
    add("--predictions", metavar="DIR", help="folder with one folder of masks per sequence")
    add("--output", metavar="FILE.zip", help="the zip to write")
    add("--check", metavar="FILE.zip", help="check this zip instead of writing one")
    add("--quiet", action="store_true", help="show no progress; print only faults and errors")
    return parser


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Report usage errors that argparse cannot detect, and exit with 2."""
    if arguments.split == "":
        parser.error("--split must not be empty; leave it out instead")
    given = {"--predictions": arguments.predictions, "--output": arguments.output}
    if arguments.check is None:
        missing = [name for name, value in given.items() if not value]
        if missing:
            parser.error(f"missing: {', '.join(missing)} (or --check to check a zip)")
    elif any(given.values()):
        parser.error("--check checks an existing zip; leave out --predictions and --output")


def _write(arguments: argparse.Namespace) -> None:
    from ytvos_keras.evaluation.submission import SubmissionError, write_submission

    try:
        with frame_progress(arguments.quiet) as report:
            masks = write_submission(
                arguments.predictions,
                arguments.ground_truth,
                arguments.protocol,
                arguments.output,
                split=arguments.split,
                on_progress=report,
            )
    except SubmissionError as error:
        _fail(error.faults, "nothing was written")
    if not arguments.quiet:
        print(f"submission  {arguments.output} ({masks} masks)")


def _check_zip(arguments: argparse.Namespace) -> None:
    from ytvos_keras.evaluation.submission import check_submission

    with frame_progress(arguments.quiet) as report:
        faults = check_submission(
            arguments.check,
            arguments.ground_truth,
            arguments.protocol,
            split=arguments.split,
            on_progress=report,
        )
    if faults:
        _fail(faults, arguments.check)
    if not arguments.quiet:
        print(f"{arguments.check}: no fault found")


def _fail(faults: list, what: str) -> None:
    """Print each fault on a line, then raise an error that states how many there are."""
    for fault in faults:
        print(fault)
    raise InputError(f"{what}: {counted(len(faults), 'fault')}, listed above")


if __name__ == "__main__":
    raise SystemExit(main())
