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
_KINDS = "biufU"  # of dtypes: numbers and text


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file atomically, under exactly this name."""
    with atomic_path(path) as part, part.open("wb") as file:  # np.savez adds .npz to a name
        np.savez(file, **dict[str, Any](arrays))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Load arrays from `save_arrays`, or raise an `InputError`.

    Not with `np.load`, which allocates memory for the shape in a header before checking the data.
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
        raise InputError(f"{path}: is damaged, or no .npz file of this package.") from error


def _array(data: bytes) -> np.ndarray:
    """The array in the bytes of an .npy file, read-only."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        # NumPy writes 1.0 unless a header is longer than 64 KiB, which only structured dtypes need.
        if version != (1, 0):
            raise ArchiveError(f"is an array file of version {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # the header is Python text
        raise ArchiveError("is no array") from error
    start = file.tell()
    size = prod(shape) * dtype.itemsize
    # Before the size is compared: a negative side could make it match.
    if dtype.kind not in _KINDS or not dtype.itemsize or min(shape, default=0) < 0:
        raise ArchiveError("is no array of numbers or text")
    if size != len(data) - start:
        raise ArchiveError("is another array than its header says")
    # A view of bytes that are in memory already: a wrong header cannot make it allocate any.
    values = np.frombuffer(data, dtype, offset=start)
    return values.reshape(shape, order="F" if fortran else "C")
