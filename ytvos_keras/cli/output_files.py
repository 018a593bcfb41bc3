"""Check early that the output files of a command can be written."""

import os
from pathlib import Path

from ytvos_keras.errors import InputError


def check_output_file(option: str, path: Path) -> None:
    """Check that a file can be written, before any work is done.

    Raises:
        InputError: it is a folder or a device, or its folder is missing or write-protected.
    """
    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "device"
        raise InputError(f"{option} needs the name of a file. Received a {kind}: {path}")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{option} {path}: the folder {path.parent} is write-protected.")
