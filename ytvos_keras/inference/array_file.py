"""Named arrays in one file, without pickle: nothing in it is ever run."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz file under exactly this name; a file before is kept until it is whole."""
    with atomic_path(path) as part, part.open("wb") as file:  # np.savez adds .npz to a name
        np.savez(file, **arrays)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Undo `save_arrays`.

    Raises:
        InputError: there is no such file, or it is none of these.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        # TypeError: np.load gives a lone array for an .npy file, which is no context manager
        raise InputError(f"{path}: is damaged, or no .npz file of this package.") from error
