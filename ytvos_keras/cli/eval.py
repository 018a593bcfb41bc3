"""`ytvos-eval`: J and F of predicted masks, as the benchmarks compute them."""

import argparse
import functools
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from ytvos_keras.cli.common import check_output_file, run, table_console
from ytvos_keras.cli.eval_arguments import parse
from ytvos_keras.cli.progress import frame_progress

if TYPE_CHECKING:
    from ytvos_keras.evaluation.evaluation_plan import EvaluationPlan
    from ytvos_keras.evaluation.results import Evaluation

_COMMANDS = {
    "compare": "ytvos_keras.cli.eval_compare",
    "submission": "ytvos_keras.cli.eval_submission",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    argv = sys.argv[1:] if argv is None else argv
    # Not subparsers of argparse: the plain command has required options.
    if argv and argv[0] in _COMMANDS:
        return import_module(_COMMANDS[argv[0]]).main(argv[1:])
    arguments = parse(argv)
    return run(lambda: _evaluate(arguments), quiet=arguments.quiet)


def _evaluate(arguments: argparse.Namespace) -> None:
    _check_files(arguments)
    # First, as a plan may need to read all true masks.
    seen_categories = _seen_categories(arguments)
    plans = _plans(arguments)
    evaluations: dict[str, Evaluation] = {}
    try:
        _score(arguments, plans, seen_categories, evaluations)
    finally:  # an error or Ctrl-C must not lose the scores of finished methods
        if evaluations:
            try:  # the files first: the table may go to a pipe that is closed
                _write(arguments, plans, evaluations)
            finally:  # print the scores even if the disk is full
                _print(arguments, evaluations)


def _check_files(arguments: argparse.Namespace) -> None:
    for option in ("json", "csv", "html"):
        if (path := getattr(arguments, option)) is not None:
            check_output_file(f"--{option}", path)
    if arguments.html:
        from ytvos_keras.evaluation.report import check_plots_installed

        check_plots_installed()


def _plans(arguments: argparse.Namespace) -> "dict[str, EvaluationPlan]":
    from ytvos_keras.evaluation.evaluation_plan import plan_evaluations

    return plan_evaluations(
        arguments.predictions,
        arguments.ground_truth,
        arguments.protocol,
        split=arguments.split,
        sequences=arguments.sequences,
        exclude_last=arguments.exclude_last,
        frames=arguments.frames,
    )


def _score(
    arguments: argparse.Namespace,
    plans: "dict[str, EvaluationPlan]",
    seen_categories: frozenset[str] | None,
    evaluations: "dict[str, Evaluation]",
) -> None:
    """Score each method, and add it to `evaluations` once it is finished."""
    from ytvos_keras.evaluation.evaluate import score_plan

    with frame_progress(arguments.quiet) as report:
        for method, plan in plans.items():
            evaluation = score_plan(
                plan,
                seen_categories=seen_categories,
                jobs=arguments.jobs,
                on_progress=functools.partial(report, method),
            )
            if arguments.seconds_per_frame is not None:
                seconds = {"seconds_per_frame": arguments.seconds_per_frame}
                evaluation = replace(evaluation, settings=evaluation.settings | seconds)
            evaluations[method] = evaluation


def _seen_categories(arguments: argparse.Namespace) -> frozenset[str] | None:
    from ytvos_keras.evaluation.seen_categories import categories_in, categories_without

    if arguments.seen_from:
        return categories_in(arguments.seen_from)
    if arguments.unseen:
        return categories_without(arguments.unseen, arguments.ground_truth, arguments.split)
    return None


def _print(arguments: argparse.Namespace, evaluations: "dict[str, Evaluation]") -> None:
    from ytvos_keras.evaluation.table import print_evaluations

    print_evaluations(evaluations, table_console(), per_object=arguments.per_object)


def _write(
    arguments: argparse.Namespace,
    plans: "dict[str, EvaluationPlan]",
    evaluations: "dict[str, Evaluation]",
) -> None:
    from ytvos_keras.evaluation.write_results import write_csv, write_json

    for path, write in ((arguments.json, write_json), (arguments.csv, write_csv)):
        if path is None:
            continue
        for method, evaluation in evaluations.items():
            # One file per method, as `ytvos-eval compare` reads them.
            of_one = f"{path.stem}.{method}{path.suffix}" if len(plans) > 1 else path.name
            write(path.with_name(of_one), evaluation)
    # A report of some of the methods would replace one of all.
    if arguments.html and len(evaluations) == len(plans):
        from ytvos_keras.evaluation.plan_pictures import plan_pictures
        from ytvos_keras.evaluation.report import write_report

        with frame_progress(arguments.quiet, "sequences") as report:
            pictures = plan_pictures(plans)
            stage = functools.partial(report, "report")
            write_report(arguments.html, evaluations, pictures, on_progress=stage)


if __name__ == "__main__":
    raise SystemExit(main())
