"""Lock a folder for one process at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class FolderInUseError(InputError):
    """Another process is writing to the folder."""


@contextlib.contextmanager
def folder_lock(folder: Path, name: str = ".ytvos-lock", *, wait: bool = False) -> Iterator[None]:
    """Hold a lock on a folder; the system releases it however the process ends.

    If another process holds it, wait, or raise `FolderInUseError`. The lock file `name` is removed
    at the end. On Windows, and on file systems without locks, nothing is locked.
    """
    if fcntl is None:
        yield
        return
    path = folder / name
    descriptor = _acquire(path, wait)
    try:
        yield
    finally:
        try:
            # Before the lock is released: whoever gets it next sees another file at the path.
            path.unlink(missing_ok=True)
        finally:  # the disk may be read-only by now
            os.close(descriptor)


def _acquire(path: Path, wait: bool) -> int:
    while True:
        # O_NOFOLLOW: a planted link could make this create a file elsewhere.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            os.close(descriptor)
            raise FolderInUseError(
                f"{path.parent}: another process is writing to it; wait for it, or use another "
                "folder."
            ) from error
        except OSError:  # a file system without locks
            return descriptor
        # A lock on a deleted file excludes nobody.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)  # its holder removed it while we waited
