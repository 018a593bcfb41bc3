"""Stops training on NaN or Inf and reports the last good checkpoint."""

import math

import keras
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.training.checkpoint import Progress, list_checkpoints
from ytvos_keras.training.recipe import Recipe
from ytvos_keras.training.run_files import RunFiles

_REMEDY = (
    "lower --learning-rate or give --clip-norm 1, with another --output (--weights starts from any "
    "checkpoint)"
)


class StopOnNaN(keras.callbacks.Callback):
    """Raises `InputError` as soon as the running loss or a weight is NaN or infinite.

    Keras' `TerminateOnNaN` would still run the callbacks at the end of the epoch, which save the
    weights. A step can corrupt the weights after its loss was computed, so they are checked, too,
    before they are validated or saved. Must come before all callbacks that save.

    Args:
        recipe: of the run.
        files: of the run, to find the last checkpoint.
        progress: of the run.
    """

    def __init__(self, recipe: Recipe, files: RunFiles, progress: Progress):
        super().__init__()
        self.recipe, self.files, self.progress = recipe, files, progress

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        # The log is a mean over the epoch, which keeps a NaN once it has one.
        if loss is not None and not np.isfinite(loss):
            steps = math.ceil((batch + 1) / self.recipe.accumulate)
            self._stop(f"the loss became {float(loss)}", steps)

    def on_test_begin(self, logs=None):
        # While the training's own weights are in place: this comes before `SwapEMAWeights`.
        self._check_weights()

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()

    def _check_weights(self) -> None:
        for variable in self.model.trainable_variables:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                steps = self.progress.steps_to_checkpoint(self.recipe.checkpoint_steps)
                self._stop(f"weights ({variable.path}) became NaN or infinite", steps)

    def _stop(self, what: str, steps: int) -> None:
        checkpoints = list_checkpoints(self.files.checkpoints)
        kept = (
            f"the last good checkpoint is {checkpoints[-1]}"
            if checkpoints
            else "no checkpoint was written yet"
        )
        raise InputError(f"{what} at step {self.progress.step + steps}: {kept}; {_REMEDY}")
