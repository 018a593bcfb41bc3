"""The progress bar of `ytvos-train`."""

import contextlib
from collections.abc import Callable, Iterator

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ytvos_keras.training.checkpoint import Progress as RunProgress
from ytvos_keras.training.recipe import Recipe, Stage


@contextlib.contextmanager
def train_progress(
    recipe: Recipe, quiet: bool = False
) -> Iterator[Callable[[Stage, RunProgress], list[keras.callbacks.Callback]] | None]:
    """Show a bar for each stage, and stop it however the run ends.

    Yields `callbacks` of `train`; None if quiet.
    """
    if quiet:
        yield None
        return
    with contextlib.ExitStack() as stack:

        def callbacks(stage: Stage, progress: RunProgress) -> list[keras.callbacks.Callback]:
            shown = ShowProgress(stage.name, recipe, progress)
            # Not only in `on_train_end`, which Keras skips if training raises.
            stack.callback(shown.bar.stop)
            return [shown]

        yield callbacks


class ShowProgress(keras.callbacks.Callback):
    """Show stage, steps, loss, J, clips per second, time left and every checkpoint on stderr."""

    def __init__(self, stage: str, recipe: Recipe, progress: RunProgress):
        super().__init__()
        self.stage, self.recipe, self.progress = stage, recipe, progress
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total} steps"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self.console,
        )
        self.task: TaskID | None = None

    def on_epoch_begin(self, epoch, logs=None):
        # A resumed run begins in the middle of a stage.
        self._done = self.progress.stage_step
        if self.task is None:
            self.bar.start()
            self.task = self.bar.add_task(
                self.stage, total=self.progress.stage_steps, completed=self._done, figures=""
            )

    def on_train_batch_end(self, batch, logs=None):
        assert self.task is not None  # an epoch has begun
        speed = self.bar.tasks[self.task].speed
        figures = [f"{name} {float(logs[name]):.3f}" for name in ("loss", "J") if name in logs]
        if speed:
            figures.append(f"{speed * self.recipe.clips_per_step:.2f} clips/s")
        done = self._done + (batch + 1) / self.recipe.accumulate
        self.bar.update(self.task, completed=done, figures="  ".join(figures))

    def on_epoch_end(self, epoch, logs=None):
        figures = "  ".join(f"{name} {float(value):.4f}" for name, value in logs.items())
        step = self.progress.step  # updated by SaveProgress, which comes before
        self.console.print(f"{self.stage}, step {step}: {figures}", highlight=False)

    def on_train_end(self, logs=None):
        self.bar.stop()
