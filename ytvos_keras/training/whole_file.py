"""Files of a run that are whole or absent, and a full disk as one line."""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.atomic import temporary_file

_OVERHEAD = 4096  # bytes of HDF5 for a variable and its groups; 1200 were met


@contextlib.contextmanager
def whole_file(path: Path, part: str, size: int) -> Iterator[Path]:
    """Gives a temporary path in the same folder; moves it to `path` when the block has succeeded.

    Room for the file is asked for before the block: HDF5 ends the process with a segmentation fault
    where a write fails (h5py 3.14, HDF5 1.14).

    Args:
        path: where the finished file belongs. Its folder must exist.
        part: ending of the temporary file's name; begins with `.part`.
        size: bytes that the file takes, or somewhat more.

    Yields:
        The path to write to.

    Raises:
        InputError: the disk is full, or the folder cannot be written to. What was at `path` is
            still there.
    """
    try:
        with temporary_file(path.parent, part, locked=False) as temporary:
            with temporary.open("rb+") as file:
                if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
                    os.posix_fallocate(file.fileno(), 0, max(1, size))
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())  # after a power cut, a renamed file may otherwise be empty
            temporary.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else first_line(error)
        raise InputError(
            f"{path}: cannot be written ({reason}); when there is room, run the same command again "
            "to go on from the last checkpoint"
        ) from error


def size_on_disk(variables: Iterable[keras.Variable]) -> int:
    """Bytes that variables take in a file of Keras, or somewhat more."""
    return sum(math.prod(v.shape) * v.value.dtype.size + _OVERHEAD for v in variables)
