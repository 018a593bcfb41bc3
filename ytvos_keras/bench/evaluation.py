"""`ytvos-bench evaluation`: time to score a data set, against a plain implementation."""

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ytvos_keras.argument_types import positive
from ytvos_keras.bench.arguments import add_size, chosen
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.measure import Timing, interleave
from ytvos_keras.bench.report import Comparison, Report, Row
from ytvos_keras.errors import InputError, need
from ytvos_keras.processes import available_cores
from ytvos_keras.progress import Progress, silent

NAME = "evaluation"
SUMMARY = "time to compute J and F of a data set, against a plain implementation with OpenCV"
NEEDS_TENSORFLOW = False

REFERENCE = "plain OpenCV, 1 process"
TOLERANCE = 1e-9
"""Largest allowed difference between scores of an object in a frame, or between statistics."""

Scores = dict[tuple[str, int], dict[str, Any]]
"""What `plain_evaluation` returns."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    parser.add_argument("--sequences", type=positive, default=20, metavar="N", help="default: 20")
    parser.add_argument(
        "--frames", type=positive, default=70, metavar="N", help="in each sequence (default: 70)"
    )
    add_size(parser, (480, 854), "masks")
    parser.add_argument(
        "--jobs",
        type=positive,
        default=available_cores(),
        metavar="N",
        help="processes of the second run; the first uses one (default: all cores). Short runs "
        "start fewer",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        default=1,
        metavar="N",
        help="measured rounds, each of which runs every case once (default: 1)",
    )


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time whole evaluations by the rules of DAVIS 2017: reading, J, F and their statistics.

    The masks are synthetic and freshly written, so they are in the page cache and disk speed does
    not matter. The time includes starting the processes. An error is raised if the scores differ.
    """
    need("cv2", "skimage", extra="bench", what="the plain evaluation")
    if arguments.frames < 3:
        raise InputError(
            "--frames must be at least 3, as the first and the last are not scored. "
            f"Received: {arguments.frames}"
        )
    machine = describe_machine()  # before this benchmark adds to the load
    with tempfile.TemporaryDirectory() as folder:
        timings, results = _measure(Path(folder), arguments, progress)
    return Report(
        benchmark=NAME,
        settings={
            **chosen(arguments, "sequences", "frames", "size", "repeats"),
            "objects": len(results[REFERENCE]),
            "largest_difference": _largest_difference(results),
        },
        machine=machine,
        rows=[Row({"evaluation": name}, timing.figures()) for name, timing in timings.items()],
        comparisons=_comparisons(timings),
    )


def _measure(
    folder: Path, arguments: Namespace, progress: Progress
) -> tuple[dict[str, Timing], dict[str, Scores]]:
    """Make the data, then time every case and keep its result."""
    from ytvos_keras.bench.moving_objects import write_sequences

    for done in write_sequences(folder, arguments.sequences, arguments.frames, arguments.size):
        progress("making sequences", done, arguments.sequences)
    cases = _cases(folder, _processes(arguments), progress)
    results = {}

    def evaluate_as(name: str) -> None:
        results[name] = cases[name]()

    functions = {name: partial(evaluate_as, name) for name in cases}
    # No warm-up: a user evaluates once, and pays for starting processes.
    return interleave(functions, warmup=0, repeats=arguments.repeats), results


def _processes(arguments: Namespace) -> int:
    """Return how many processes `evaluate` starts: fewer than `--jobs` for few frames."""
    from ytvos_keras.evaluation.evaluate import WORTHWHILE

    scored = arguments.sequences * (arguments.frames - 2)  # not the first and the last
    return min(arguments.jobs, -(-scored // WORTHWHILE))


def _cases(folder: Path, jobs: int, progress: Progress) -> dict[str, Callable[[], Scores]]:
    """The functions to time: the reference first, the most processes last."""
    from ytvos_keras.bench.plain_evaluation import plain_evaluation

    predictions, truth = folder / "predictions", folder / "truth"
    cases: dict[str, Callable[[], Scores]] = {
        REFERENCE: partial(
            plain_evaluation,
            predictions,
            truth / "Annotations" / "480p",
            partial(progress, REFERENCE),
        )
    }
    for n in sorted({1, jobs}):
        name = f"ytvos_keras.evaluate, {n} process{'es' if n > 1 else ''}"
        cases[name] = partial(_evaluate, predictions, truth, n, partial(progress, name))
    return cases


def _evaluate(predictions: Path, truth: Path, jobs: int, on_progress: Callable) -> Scores:
    """Score with the package; returns the scores in the form of the reference."""
    from ytvos_keras.evaluation.evaluate import evaluate

    result = evaluate(predictions, truth, "davis2017", jobs=jobs, on_progress=on_progress)
    return {
        (scores.sequence, scores.object_id): {
            "J": scores.J,
            "F": scores.F,
            "statistics": (scores.J_statistics, scores.F_statistics),
        }
        for scores in result.objects
    }


def _largest_difference(results: dict[str, Scores]) -> float:
    """Compare every case with the reference."""
    import numpy as np

    largest = 0.0
    expected = results[REFERENCE]
    for name, received in results.items():
        if received.keys() != expected.keys():
            raise RuntimeError(f"{name} and {REFERENCE} must score the same objects.")
        for key, measures in expected.items():
            for measure, values in measures.items():
                difference = np.abs(np.subtract(received[key][measure], values)).max()
                # Not `>`: NaN must fail as well.
                if not difference <= TOLERANCE:
                    raise RuntimeError(
                        f"{name} and {REFERENCE} must agree to {TOLERANCE} before their speed is "
                        f"compared. Received: {measure} of object {key} differs by {difference:.2g}"
                    )
                largest = max(largest, float(difference))
    return largest


def _comparisons(timings: dict[str, Timing]) -> list[Comparison]:
    """The case with most processes first."""
    names = [name for name in timings if name != REFERENCE]
    return [
        Comparison(f"{name}, against {REFERENCE}", timings[REFERENCE], timings[name])
        for name in reversed(names)
    ]
