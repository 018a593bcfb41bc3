"""Files and folders that are whole or absent."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.errors import InputError


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a hidden temporary path in the same folder; move it to `path` if the block succeeds.

    After an error or an interruption in the block the temporary file is removed and what was at
    `path` is still there. Its name is fixed (`.NAME.part`), so what a killed process left behind is
    overwritten by the next attempt.

    Args:
        path: where the finished file belongs. Its folder must exist. Of a link, the file that it
            leads to is replaced.

    Yields:
        The path to write to.

    Raises:
        InputError: a folder or a device is there, such as `/dev/null`, which root could replace.

    Example:
        >>> with atomic_path("masks/00000.png") as part:
        ...     image.save(part, format="PNG")
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: give the name of a file; this is a folder or a device.")
    if path.is_symlink():
        path = path.resolve()
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        _name(error, path)
        raise


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a hidden, empty folder beside `path`; rename it to `path` if the block succeeds.

    As `atomic_path`, for a folder with all that is in it. An empty folder at `path` is replaced.

    Args:
        path: where the finished folder belongs. Its parent must exist.

    Yields:
        The folder to write into.

    Example:
        >>> with atomic_folder("JPEGImages/003234408d") as part:
        ...     image.save(part / "00000.jpg")
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a killed process
    part.mkdir()
    try:
        yield part
        part.replace(path)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        _name(error, path)
        raise


def _name(error: BaseException, path: Path) -> None:
    """Let an error of the system say where: that of a full disk names no file."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)
