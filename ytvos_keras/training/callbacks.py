"""Callbacks of a run: stop on NaN, keep the best model, end a stable stage, write checkpoints."""

import math
import time

import keras
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.training.checkpoint import Progress, list_checkpoints, save_checkpoint
from ytvos_keras.training.recipe import Recipe, Stability
from ytvos_keras.training.run_files import RunFiles, save_model

_REMEDY = (
    "lower --learning-rate or set --clip-norm 1, with another --output (--weights accepts any "
    "checkpoint)"
)


class StopOnNaN(keras.callbacks.Callback):
    """Raise an `InputError` as soon as the running loss or a weight is NaN or infinite.

    Keras' `TerminateOnNaN` would still run the callbacks at the end of the epoch, which save the
    weights. A step can corrupt the weights after its loss was computed, so weights are checked too,
    before they are validated or saved. Must come before all callbacks that save.
    """

    def __init__(self, recipe: Recipe, files: RunFiles, progress: Progress):
        super().__init__()
        self.recipe, self.files, self.progress = recipe, files, progress

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        # The logged loss is a mean over the epoch, so a NaN does not go away.
        if loss is not None and not np.isfinite(loss):
            steps = math.ceil((batch + 1) / self.recipe.accumulate)
            self._stop(f"the loss became {float(loss)}", steps)

    def on_test_begin(self, logs=None):
        # The training weights, not their averages: this runs before `SwapEMAWeights`.
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


class SaveBestModel(keras.callbacks.Callback):
    """Save the model whenever its validation J is the highest so far, `progress.best`.

    Must come before `SwapEMAWeights`, so that the saved weights are the validated ones: at the end
    of a validation the averaged weights are still in place. `writes` tells whether this process
    writes the file.
    """

    def __init__(self, files: RunFiles, progress: Progress, writes: bool = True):
        super().__init__()
        self.files, self.progress = files, progress
        self.writes = writes

    def on_test_end(self, logs=None):
        j = float(logs["J"])
        if self.progress.best is None or j > self.progress.best:
            if self.writes:
                save_model(self.model, self.files.best)
            self.progress.best = j


class StopWhenStable(keras.callbacks.Callback):
    """End `fit` when the rule of a `Stability` is met; tested after every Keras epoch.

    Args:
        rule: the rule.
        progress: progress of the run. Its `stable` is the memory of the rule: `loss` (smoothed),
            `best` and `waited` (passes). It is part of every checkpoint, so that a resumed run
            stops where an uninterrupted one would.
        steps: optimizer steps between checkpoints.
        passes_per_step: fraction of the training videos in one step.
    """

    def __init__(self, rule: Stability, progress: Progress, steps: int, passes_per_step: float):
        super().__init__()
        self.rule = rule
        self.progress = progress
        self.steps = steps
        self.passes_per_step = passes_per_step

    def on_epoch_end(self, epoch, logs=None):
        passes = self.progress.steps_to_checkpoint(self.steps) * self.passes_per_step
        update_stability(self.rule, self.progress.stable, float(logs["loss"]), passes)
        if is_stable(self.rule, self.progress.stable):
            self.model.stop_training = True


def update_stability(rule: Stability, memory: dict, loss: float, passes: float) -> None:
    """Update the memory, empty at the start of a stage, with the mean loss of some more passes."""
    # Smoothing and patience are in passes, so the rule does not depend on the checkpoint interval.
    past = rule.smoothing**passes
    memory["loss"] = past * memory.get("loss", loss) + (1 - past) * loss
    if memory["loss"] < memory.get("best", float("inf")) * (1 - rule.improvement):
        memory |= {"best": memory["loss"], "waited": 0.0}
    else:
        memory["waited"] = memory.get("waited", 0.0) + passes


def is_stable(rule: Stability, memory: dict) -> bool:
    """Whether the loss is stable, according to the memory of `update_stability`."""
    return memory.get("waited", 0.0) >= rule.passes


class SaveProgress(keras.callbacks.Callback):
    """Write the log and checkpoints, and end the stage after its last step.

    One Keras epoch is `checkpoint_steps` steps; the last one of a stage may be shorter. Must come
    after all callbacks that change what is saved. `writes` tells whether this process writes the
    files; `progress` is updated in any case.
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
            # The log first: after an interruption, steps without a checkpoint rewrite it.
            self.files.write_log(progress.history)
            save_checkpoint(self.model, progress, self.files.checkpoints)
