"""The folder that an export, or a script in `export/`, writes to."""

from pathlib import Path

from ytvos_keras.errors import InputError


def check_empty(folder: Path) -> None:
    """Raise `InputError` if a folder contains anything, which could be overwritten."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the name of a new folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; give the name of a new folder.")
