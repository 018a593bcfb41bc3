"""Write checkpoint and log."""

import time

import keras

from ytvos_keras.training.checkpoint import Progress, save_checkpoint
from ytvos_keras.training.recipe import Recipe
from ytvos_keras.training.run_files import RunFiles


class SaveProgress(keras.callbacks.Callback):
    """Write log and checkpoint regularly, and end the stage after its last step.

    One Keras epoch is `checkpoint_steps` steps; the last one of a stage may be shorter. Must come
    after all callbacks that change what is saved.

    Args:
        files: the run's files.
        progress: updated.
        recipe: of the run.
        writes: whether this process writes the files.
    """

    def __init__(self, files: RunFiles, progress: Progress, recipe: Recipe, writes: bool = True):
        super().__init__()
        self.files, self.progress, self.recipe = files, progress, recipe
        self.writes = writes

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = time.monotonic()
        self._steps = self.progress.steps_to_checkpoint(self.recipe.checkpoint_steps)

    def on_train_batch_end(self, batch, logs=None):
        # `batch` counts batches from 0; an accumulated step has several.
        is_last = self.progress.stage_step + self._steps == self.progress.stage_steps
        if is_last and batch + 1 == self._steps * self.recipe.accumulate:
            self.model.stop_training = True  # Keras still validates and ends the epoch normally

    def on_epoch_end(self, epoch, logs=None):
        progress = self.progress
        progress.stage_step += self._steps
        progress.step += self._steps
        progress.history.append(
            {
                "stage": self.recipe.stages[progress.stage].name,
                "step": progress.step,
                **{name: float(value) for name, value in logs.items()},
                "seconds": round(time.monotonic() - self._begin, 1),
            }
        )
        if self.writes:
            # In this order: steps with a checkpoint are not repeated; others rewrite the log.
            self.files.write_log(progress.history)
            save_checkpoint(self.model, progress, self.files.checkpoints)
