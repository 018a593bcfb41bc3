"""`ytvos-segment --batch`: all videos of a folder."""

import argparse
import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ytvos_keras.cli.common import table_console
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.cli.segment_arguments import segment_options
from ytvos_keras.errors import InputError
from ytvos_keras.progress import LearningProgress
from ytvos_keras.quiet_import import import_tensorflow

if TYPE_CHECKING:
    from ytvos_keras.inference.batch import ProgressFor, VideoOutcome


def segment_batch(arguments: argparse.Namespace) -> None:
    """Segment the videos and print a table; if some fail, raises an error after all are done."""
    from ytvos_keras.inference import batch  # NumPy, Pillow

    folders = arguments.input, arguments.mask, arguments.output
    # Before TensorFlow, which takes seconds to load, so that a wrong path is reported at once.
    with warnings.catch_warnings(action="ignore"):  # `segment_batch` lists again, and warns
        batch.list_batch(*folders, corrections=arguments.corrections)
    # With more jobs, only the worker processes need TensorFlow.
    if arguments.jobs == 1:
        import_tensorflow()
    outcomes = batch.segment_batch(
        *folders,
        arguments.model,
        corrections=arguments.corrections,
        shard=arguments.shard,
        jobs=arguments.jobs,
        progress=_progress(arguments.quiet),
        **segment_options(arguments),
    )
    if not arguments.quiet:
        _print(outcomes)
    if failed := [outcome.name for outcome in outcomes if outcome.error]:
        raise InputError(f"{len(failed)} of {len(outcomes)} videos failed: {', '.join(failed)}.")


def _progress(quiet: bool) -> "ProgressFor":
    """Show a bar for each video, with its name."""

    @contextlib.contextmanager
    def bar(name: str) -> Iterator[LearningProgress]:
        with frame_progress(quiet) as report:
            yield lambda stage, *done: report(name if stage == "masks" else stage, *done)

    return bar


def _print(outcomes: "list[VideoOutcome]") -> None:
    from rich.text import Text

    from ytvos_keras.plain_table import plain_table

    table = plain_table("video", ("frames", "objects", "seconds"))
    table.add_column("", overflow="fold")
    for outcome in outcomes:
        end = outcome.error or _end(outcome)
        numbers = str(outcome.frames), str(outcome.objects), f"{outcome.seconds:.1f}"
        table.add_row(Text(outcome.name), *numbers, Text(end))
    table_console().print(table)


def _end(outcome: "VideoOutcome") -> str:
    if outcome.busy:
        return "in another process"
    return "done before" if outcome.from_earlier_run else "ok"
