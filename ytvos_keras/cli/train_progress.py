"""The progress bar of `ytvos-train`."""

import contextlib
from collections.abc import Callable, Iterator

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles


@contextlib.contextmanager
def train_progress(
    recipe: Recipe, quiet: bool = False
) -> Iterator[Callable[[Stage, RunFiles], list[keras.callbacks.Callback]] | None]:
    """Shows a bar for each stage, and takes it away whatever ends the run: Keras does not.

    Args:
        recipe: what is trained.
        quiet: whether to show nothing.

    Yields:
        `callbacks` of `train`; None if quiet.
    """
    if quiet:
        yield None
        return
    with contextlib.ExitStack() as stack:

        def callbacks(stage: Stage, _: RunFiles) -> list[keras.callbacks.Callback]:
            shown = ShowProgress(stage.name, recipe)
            stack.callback(shown.bar.stop)
            return [shown]

        yield callbacks


class ShowProgress(keras.callbacks.Callback):
    """Shows stage, steps, loss, J, clips per second and time left on stderr, and a line an epoch.

    Args:
        stage: name of the stage.
        recipe: what is trained.
    """

    def __init__(self, stage: str, recipe: Recipe):
        super().__init__()
        self.stage, self.epoch_steps = stage, recipe.epoch_steps
        self.clips = recipe.batch_size * recipe.accumulate
        self.accumulate = recipe.accumulate
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total} steps"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self.console,
        )
        self.task = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.task is None:
            self.bar.start()
            total = self.epoch_steps * self.params["epochs"]
            done = self.epoch_steps * epoch
            self.task = self.bar.add_task(self.stage, total=total, completed=done, figures="")
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        speed = self.bar.tasks[self.task].speed
        figures = [f"{name} {float(logs[name]):.3f}" for name in ("loss", "J") if name in logs]
        if speed:
            figures.append(f"{speed * self.clips:.2f} clips/s")
        done = self._epoch * self.epoch_steps + (batch + 1) / self.accumulate
        self.bar.update(self.task, completed=done, figures="  ".join(figures))

    def on_epoch_end(self, epoch, logs=None):
        figures = "  ".join(f"{name} {float(value):.4f}" for name, value in logs.items())
        steps = (epoch + 1) * self.epoch_steps
        self.console.print(f"{self.stage}, step {steps}: {figures}", highlight=False)

    def on_train_end(self, logs=None):
        self.bar.stop()
