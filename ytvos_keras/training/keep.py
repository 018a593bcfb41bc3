"""Callbacks that keep what a run has reached."""

import time

import keras

from ytvos_keras.training.checkpoint import Progress, save_checkpoint
from ytvos_keras.training.run_files import RunFiles, save_model


class KeepProgress(keras.callbacks.Callback):
    """Writes log and checkpoint at the end of every epoch, the last of all callbacks.

    Args:
        files: where to.
        progress: is brought up to date.
        stage: name of the stage, for the log.
        steps: optimiser steps an epoch.
        writes: whether this process is the one that writes files.
    """

    def __init__(
        self, files: RunFiles, progress: Progress, stage: str, steps: int, writes: bool = True
    ):
        super().__init__()
        self.writes = writes
        self.files, self.progress = files, progress
        self.stage, self.steps = stage, steps

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        progress = self.progress
        progress.stage_step += self.steps
        progress.step += self.steps
        progress.history.append(
            {
                "stage": self.stage,
                "step": progress.step,
                **{name: float(value) for name, value in logs.items()},
                "seconds": round(time.monotonic() - self._begin, 1),
            }
        )
        if self.writes:
            # In this order: an epoch with a checkpoint is not done again, one without writes the
            # log anew.
            self.files.write_log(progress.history)
            save_checkpoint(self.model, progress, self.files.checkpoints)


class KeepBest(keras.callbacks.Callback):
    """Saves the model whenever its validation J is the highest so far.

    Stands before `SwapEMAWeights`, so that what is saved is what was validated: at the end of a
    validation the averaged weights are still in place.

    Args:
        files: where to.
        progress: its `best` is brought up to date.
        writes: whether this process is the one that writes files.
    """

    def __init__(self, files: RunFiles, progress: Progress, writes: bool = True):
        super().__init__()
        self.writes = writes
        self.files, self.progress = files, progress

    def on_test_end(self, logs=None):
        j = float(logs["J"])
        if self.progress.best is None or j > self.progress.best:
            if self.writes:
                save_model(self.model, self.files.best)
            self.progress.best = j
