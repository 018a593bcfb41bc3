"""Keep the best model of a run."""

import keras

from ytvos_keras.training.checkpoint import Progress
from ytvos_keras.training.run_files import RunFiles, save_model


class SaveBestModel(keras.callbacks.Callback):
    """Save the model whenever its validation J is the highest so far.

    Must come before `SwapEMAWeights`, so that the saved weights are the validated ones: at the end
    of a validation the averaged weights are still in place.

    Args:
        files: the run's files.
        progress: its `best` is updated.
        writes: whether this process writes the file.
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
