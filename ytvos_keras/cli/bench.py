"""`ytvos-bench NAME`: speed, memory and accuracy with stated settings."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.bench import (
    convlstm,
    corrections,
    evaluation,
    export,
    long_video,
    memory,
    online,
    pipeline,
    rough_masks,
    score,
    step,
    train,
)
from ytvos_keras.cli.common import check_output_file, prepare_tensorflow, run, table_console
from ytvos_keras.progress import Progress, silent
from ytvos_keras.quiet_import import import_tensorflow

BENCHMARKS = (
    *(convlstm, step, train, memory, long_video, score, online, corrections),
    *(rough_masks, export, evaluation, pipeline),
)


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    arguments = _parser().parse_args(argv)
    return run(lambda: _bench(arguments), quiet=arguments.quiet)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", type=Path, metavar="FILE", help="also write all figures here")
    common.add_argument("--quiet", action="store_true", help="show no progress")
    parser = argparse.ArgumentParser(
        prog="ytvos-bench", description="Speed, memory and accuracy with stated settings."
    )
    names = parser.add_subparsers(title="benchmarks", metavar="NAME", required=True)
    for benchmark in BENCHMARKS:
        sub = names.add_parser(
            benchmark.NAME, parents=[common], help=benchmark.SUMMARY, description=benchmark.SUMMARY
        )
        benchmark.add_arguments(sub)
        sub.set_defaults(benchmark=benchmark)
    return parser


def _bench(arguments: argparse.Namespace) -> None:
    if arguments.json is not None:
        # Before the benchmark, which may take long.
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        check_output_file("--json", arguments.json)
    prepare_tensorflow()  # also for the processes that some benchmarks start
    with _progress(arguments.quiet) as progress:
        if getattr(arguments.benchmark, "NEEDS_TENSORFLOW", True):
            progress("starting TensorFlow", 0, 1)
            import_tensorflow()
        report = arguments.benchmark.run(arguments, progress)
    report.print(table_console())
    if arguments.json is not None:
        report.write_json(arguments.json)


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """Show a progress bar on stderr while the benchmark runs."""
    if quiet:
        yield silent
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("", total=None)

        def show(what: str, done: int, total: int | None) -> None:
            bars.update(bar, description=escape(what), completed=done, total=total)

        yield show


if __name__ == "__main__":
    raise SystemExit(main())
