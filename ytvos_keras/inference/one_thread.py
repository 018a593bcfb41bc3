"""Guard objects against concurrent threads and forked processes."""

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from ytvos_keras.errors import InputError

_used = False
_forked = False


def _after_fork_in_child() -> None:
    global _forked
    # Forking before TensorFlow is used is fine.
    _forked = _used


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork_in_child)


class OneThread:
    """Base class of objects whose `alone` methods reject a second thread.

    TensorFlow's threads do not exist in a forked process, where its first operation would wait for
    them forever. So creating such an object there is an error too.

    Raises:
        InputError: this process was forked after its parent had created such an object.
    """

    def __init__(self) -> None:
        global _used
        _check_process()
        _used = True
        # Reentrant, because guarded methods call each other.
        self._inside = threading.RLock()


def alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of a `OneThread` raise `InputError` while another thread is in one of them."""

    @functools.wraps(method)
    def guarded(self: OneThread, *args: Any, **kwargs: Any) -> Any:
        _check_process()
        # Fail rather than wait: two threads that feed frames in turn would mix two videos.
        if not self._inside.acquire(blocking=False):
            raise InputError(
                f"another thread is using this {type(self).__name__}; give each thread a separate "
                "one (they may share the model)."
            )
        try:
            return method(self, *args, **kwargs)
        finally:
            self._inside.release()

    return guarded


def _check_process() -> None:
    if _forked:
        raise InputError(
            "this process was forked after TensorFlow was used, so TensorFlow would hang in it; "
            'start processes with multiprocessing.get_context("spawn").'
        )
