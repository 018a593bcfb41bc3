"""A progress bar for frames."""

import contextlib
import time
from collections.abc import Iterator

from ytvos_keras.progress import LearningProgress, silent

_SHORT = 1.0  # seconds after which the slow first frame is left out of the mean speed


@contextlib.contextmanager
def frame_progress(quiet: bool, unit: str = "frames") -> Iterator[LearningProgress]:
    """Show frames done, total frames, frames per second and time left on stderr.

    Yields the function to call; it shows nothing if quiet.
    """
    if quiet:
        yield silent
        return
    from rich.console import Console  # takes 0.1 s, which `--help` saves
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:8}", markup=False),  # a name may contain brackets
        BarColumn(),
        TextColumn("{task.completed}/{task.fields[frames]} {task.fields[unit]}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with contextlib.ExitStack() as stack:
        progress = Progress(*columns, console=Console(stderr=True))
        tasks: dict[str, TaskID] = {}
        rates: dict[str, _Rate] = {}
        opened = time.monotonic()

        def report(stage: str, done: int, total: int | None, loss: float | None = None) -> None:
            if not tasks:  # not earlier: if the files have an error, no bar appears
                stack.enter_context(progress)
            if stage not in tasks:
                tasks[stage] = progress.add_task(
                    stage,
                    total=total,
                    # Speed counts from here, so frames of an earlier run do not raise it.
                    completed=done - 1,
                    note="",
                    frames=total or "?",
                    unit=unit if loss is None else "steps",
                )
                rates[stage] = _Rate(opened, done)
            speed = f"{rates[stage].per_second(done):.1f} {unit}/s"
            note = speed if loss is None else f"loss {loss:.3f}"
            # Learning starts again, with another total, when objects appear later.
            progress.update(
                tasks[stage], completed=done, total=total, frames=total or "?", note=note
            )

        yield report


class _Rate:
    """The mean speed since the first report.

    If results come in bursts, so that the first reports are close together, time counts from the
    opening of the bar.
    """

    def __init__(self, opened: float, done: int):
        self.opened, self.begin, self.first = opened, time.monotonic(), done

    def per_second(self, done: int) -> float:
        """The mean speed after this many frames."""
        now = time.monotonic()
        if now - self.begin > _SHORT and done > self.first:
            return (done - self.first) / (now - self.begin)
        return (done - self.first + 1) / max(now - self.opened, 1e-3)
