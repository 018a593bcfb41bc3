"""Named arrays in one file, without pickle, so that loading never runs code."""

import io
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.archives import ArchiveError, open_archive, read_member
from ytvos_keras.media.atomic import atomic_path

_SUFFIX = ".npy"
_KINDS = "biufU"  # dtype kinds of numbers and text


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file atomically, under exactly this name."""
    with atomic_path(path) as part, part.open("wb") as file:  # np.savez adds .npz to a name
        np.savez(file, **dict[str, Any](arrays))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Load arrays written by `save_arrays`, or raise an `InputError`.

    `np.load` would allocate memory for the shape in a header before checking the data.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        with open_archive(path) as archive:
            return {
                info.filename.removesuffix(_SUFFIX): _array(read_member(archive, info))
                for info in archive.infolist()
            }
    except (ArchiveError, OSError) as error:
        raise InputError(f"{path}: is damaged, or not an .npz file of this package.") from error


def _array(data: bytes) -> np.ndarray:
    """Parse the bytes of an .npy file; the array is read-only."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        # NumPy writes 1.0 unless a header is longer than 64 KiB, which only structured dtypes need.
        if version != (1, 0):
            raise ArchiveError(f"is an array file of version {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # the header is Python source, which may be malformed in any way
        raise ArchiveError("is not an array") from error
    start = file.tell()
    size = prod(shape) * dtype.itemsize
    # Before comparing the size, which could match by chance with a negative dimension.
    if dtype.kind not in _KINDS or not dtype.itemsize or min(shape, default=0) < 0:
        raise ArchiveError("is not an array of numbers or text")
    if size != len(data) - start:
        raise ArchiveError("does not have the size in its header")
    # A view of bytes that are already in memory: a wrong header cannot cause an allocation.
    values = np.frombuffer(data, dtype, offset=start)
    return values.reshape(shape, order="F" if fortran else "C")
