"""Folders of versions, `<model>/<number>/`, which TensorFlow Serving polls."""

from pathlib import Path

from ytvos_keras.errors import InputError


def versions_in(folder: Path) -> list[int]:
    """Numbers of the versions in a model's folder, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal() and p.is_dir())


def new_version_folder(folder: Path, version: int | None = None) -> Path:
    """The path of a new version.

    Args:
        folder: The model's folder; it need not exist.
        version: Its number; default: one more than the largest.

    Raises:
        InputError: The version exists, or `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the model's versions.")
    if version is None:
        version = max(versions_in(folder), default=0) + 1
    path = folder / str(version)
    if path.exists():
        raise InputError(f"{path}: is there already; give another version, or none for the next.")
    return path
