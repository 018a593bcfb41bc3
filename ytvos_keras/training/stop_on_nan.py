"""A loss that is no number ends the run, with the last good checkpoint named."""

from collections.abc import Callable

import keras
import numpy as np

from ytvos_keras.errors import InputError

_REMEDY = (
    "lower --learning-rate or give --clip-norm 1, with another --output (--weights begins from any "
    "checkpoint)"
)


class StopOnNaN(keras.callbacks.Callback):
    """Raises `InputError` as soon as the running loss or a weight is NaN or infinite.

    Keras's `TerminateOnNaN` would go on to the end of the epoch's callbacks, which save weights. A
    step can spoil the weights after its loss was computed: so they are looked at, too, before they
    are validated or saved. Stands before all callbacks that save.

    Args:
        last_good: gives the last checkpoint to name, or None if there is none.
    """

    def __init__(self, last_good: Callable[[], object | None]):
        super().__init__()
        self.last_good = last_good

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            self._stop(f"the loss became {float(loss)} in batch {batch + 1} of")

    def on_test_begin(self, logs=None):
        self._check_weights()

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()

    def _check_weights(self) -> None:
        for variable in self.model.trainable_variables:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                self._stop(f"weights ({variable.path}) became NaN or infinite in the last batch of")

    def _stop(self, what: str) -> None:
        path = self.last_good()
        kept = f"the last good checkpoint is {path}" if path else "no checkpoint was written yet"
        raise InputError(f"{what} epoch {self._epoch + 1}: {kept}; {_REMEDY}")
