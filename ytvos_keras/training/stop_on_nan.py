"""A loss that is no number ends the run, with the last good checkpoint named."""

from collections.abc import Callable

import keras
import numpy as np

from ytvos_keras.errors import InputError


class StopOnNaN(keras.callbacks.Callback):
    """Raises `InputError` as soon as the running loss is NaN or infinite.

    Keras's `TerminateOnNaN` would go on to the end of the epoch's callbacks, which save weights.

    Args:
        last_good: gives the last checkpoint to name, or None if there is none.
    """

    def __init__(self, last_good: Callable[[], object | None]):
        super().__init__()
        self.last_good = last_good

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        path = self.last_good()
        kept = f"the last good checkpoint is {path}" if path else "no checkpoint was written yet"
        raise InputError(
            f"the loss became {float(loss)} in batch {batch + 1} of epoch "
            f"{self._epoch + 1}: {kept}; lower --learning-rate, or clip gradients with "
            "--clip-norm 1, and start again"
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
