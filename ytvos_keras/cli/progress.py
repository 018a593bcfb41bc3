"""A progress bar for frames."""

import contextlib
import time
from collections.abc import Callable, Iterator

Report = Callable[..., None]

_SHORT = 1.0  # seconds after which the time of the first frame, with all that it loads, is left out


@contextlib.contextmanager
def frame_progress(quiet: bool, unit: str = "frames") -> Iterator[Report | None]:
    """Show frames done, total frames, frames per second and time left on stderr.

    Args:
        quiet: whether to show nothing.
        unit: what is counted.

    Yields:
        A function to call with (stage, frames done, frames in all or None), and with the loss where
        it is steps of learning that are counted; None if quiet.
    """
    if quiet:
        yield None
        return
    from rich.console import Console  # 0.1 s, which `--help` does without
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:8}", markup=False),  # a name may hold brackets
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
            if not tasks:  # not before: an error in the files needs no bar
                stack.enter_context(progress)
            if stage not in tasks:  # after resuming, frames of the earlier run are no speed
                tasks[stage] = progress.add_task(
                    stage,
                    total=total,
                    completed=done - 1,
                    note="",
                    frames=total or "?",
                    unit=unit if loss is None else "steps",
                )
                rates[stage] = _Rate(opened, done)
            speed = f"{rates[stage].per_second(done):.1f} {unit}/s"
            note = speed if loss is None else f"loss {loss:.3f}"
            progress.update(tasks[stage], completed=done, note=note)

        yield report


class _Rate:
    """The mean speed since the first report.

    Results may come in bursts, so that little time passes between the first reports: then, since
    the bar was opened.
    """

    def __init__(self, opened: float, done: int):
        self.opened, self.begin, self.first = opened, time.monotonic(), done

    def per_second(self, done: int) -> float:
        """The speed when this many are done."""
        now = time.monotonic()
        if now - self.begin > _SHORT and done > self.first:
            return (done - self.first) / (now - self.begin)
        return (done - self.first + 1) / max(now - self.opened, 1e-3)
