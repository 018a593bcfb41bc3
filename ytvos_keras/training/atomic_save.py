"""Atomic writes of the files of a run; disk-full errors."""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.atomic import atomic_path

_OVERHEAD = 4096  # bytes that HDF5 adds per variable and its groups; 1200 were measured


@contextlib.contextmanager
def atomic_save(path: Path, suffix: str, size: int) -> Iterator[Path]:
    """Write a file with `atomic_path`, with the disk space reserved before.

    Args:
        path: where the finished file belongs. Its folder must exist.
        suffix: suffix of the temporary name, starting with `.part`.
        size: size of the file in bytes, or a little more.

    Yields:
        The path to write to.

    Raises:
        InputError: the disk is full, or the folder is not writable. A file that was at `path` is
            left as it was.
    """
    try:
        with atomic_path(path, suffix=suffix, reserve=size) as part:
            yield part
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else first_line(error)
        raise InputError(
            f"{path}: cannot be written ({reason}); when there is room, run the same command again "
            "to resume from the last checkpoint"
        ) from error


def size_on_disk(variables: Iterable[keras.Variable]) -> int:
    """Estimate the bytes that variables take in a file of Keras, rounded up."""
    return sum(math.prod(v.shape) * v.value.dtype.size + _OVERHEAD for v in variables)
