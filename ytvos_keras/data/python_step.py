"""Python functions as steps of a `tf.data` pipeline that let the process end."""

import atexit
import threading
import time
from collections.abc import Callable, Sequence

import tensorflow as tf

_QUIET = 0.3  # seconds without a call after which the pipelines have come to rest
_PATIENCE = 10.0  # seconds


def python_step(
    function: Callable, arguments: Sequence[tf.Tensor], types: tf.DType | Sequence[tf.DType]
):
    """`tf.numpy_function` that fails at once when the process ends.

    An endless dataset is read ahead by threads of TensorFlow. When Python ends, one that waits for
    Python waits for ever, and the end waits for it. So calls fail from then on, and the end waits
    until none comes any more.

    Args:
        function: from NumPy arrays to NumPy arrays.
        arguments: its arguments.
        types: of what it returns.
    """

    def step(*arrays):
        with _calls:
            return function(*arrays)

    return tf.numpy_function(step, arguments, types)


class _Calls:
    """Knows what runs now, and when the last call was."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running, self._last, self._ending = 0, 0.0, False

    def __enter__(self):
        with self._lock:
            self._last = time.monotonic()
            if self._ending:
                raise RuntimeError("the process ends")
            self._running += 1

    def __exit__(self, *_):
        with self._lock:
            self._last = time.monotonic()
            self._running -= 1

    def end(self) -> None:
        """Refuses further calls, and waits until they have ceased."""
        self._ending = True
        start = time.monotonic()
        while time.monotonic() - start < _PATIENCE:
            if not self._running and time.monotonic() - self._last > _QUIET:
                return
            time.sleep(0.01)


_calls = _Calls()
atexit.register(_calls.end)
