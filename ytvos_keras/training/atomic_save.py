"""Atomic writes of the files of a run, with errors for a full disk."""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.models.weight_files import checksum_path, write_checksum

_OVERHEAD = 4096  # bytes that HDF5 adds per variable and its groups; measured: 1200


@contextlib.contextmanager
def atomic_save(path: Path, suffix: str, size: int) -> Iterator[Path]:
    """Write a file with `atomic_path`, if there is disk space for `size` bytes.

    The folder must exist, and `suffix`, of the temporary name, must start with `.part`. If the disk
    is full or the folder not writable, an existing file at `path` is left as it was.
    """
    try:
        with atomic_path(path, suffix=suffix, space=size) as part:
            yield part
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else first_line(error)
        raise InputError(
            f"{path}: cannot be written ({reason}); fix that and run the same command again to "
            "resume from the last checkpoint"
        ) from error


@contextlib.contextmanager
def atomic_save_weights(path: Path, suffix: str, size: int) -> Iterator[Path]:
    """Write a weight file with `atomic_save`, and its checksum next to it."""
    with atomic_save(path, suffix, size) as part:
        yield part
        # Before the rename: a crash may leave a file without a checksum, never with a wrong one.
        checksum_path(path).unlink(missing_ok=True)  # it belongs to an earlier file of this name
    write_checksum(path)


def size_on_disk(variables: Iterable[keras.Variable]) -> int:
    """Estimate the bytes that variables take in a Keras file, on the high side."""
    return sum(math.prod(v.shape) * v.value.dtype.size + _OVERHEAD for v in variables)
