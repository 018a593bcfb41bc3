"""Python functions in `tf.data` pipelines that do not block the exit of the process."""

import atexit
import threading
import time
from collections.abc import Callable, Sequence

import tensorflow as tf

_QUIET = 0.3  # seconds without a call after which the pipelines count as idle
_PATIENCE = 10.0  # seconds to wait for that when the process exits


def python_step(
    function: Callable, arguments: Sequence[tf.Tensor], types: tf.DType | Sequence[tf.DType]
):
    """`tf.numpy_function` whose calls fail once the process starts to exit.

    TensorFlow threads prefetch from an endless dataset. When Python exits, a thread that waits for
    the interpreter waits forever, and so does the exit. Calls therefore fail once the exit begins,
    and the exit waits until no more of them arrive.
    """

    def step(*arrays):
        with _calls:
            return function(*arrays)

    # Not py_function, which would convert every array to an eager tensor and back.
    return tf.numpy_function(step, arguments, types)


class _Calls:
    """Track running calls and the time of the last one."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running, self._last, self._ending = 0, 0.0, False

    def __enter__(self):
        with self._lock:
            self._last = time.monotonic()
            if self._ending:
                raise RuntimeError("the process is exiting")
            self._running += 1

    def __exit__(self, *_):
        with self._lock:
            self._last = time.monotonic()
            self._running -= 1

    def end(self) -> None:
        """Refuse further calls, and wait until no more arrive."""
        self._ending = True
        start = time.monotonic()
        while time.monotonic() - start < _PATIENCE:
            # Idle for a while, not just for a moment: a thread may be between two calls.
            if not self._running and time.monotonic() - self._last > _QUIET:
                return
            time.sleep(0.01)


_calls = _Calls()
atexit.register(_calls.end)
