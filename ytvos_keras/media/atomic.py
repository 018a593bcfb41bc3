"""Atomic writes of files and folders."""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: leftovers stay, and a second process is not detected
    fcntl = None  # type: ignore[assignment]

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.part(\..+)?")
_swept: set[Path] = set()  # once per process: listing a large folder takes a while


@contextlib.contextmanager
def atomic_path(
    path: str | Path, *, suffix: str = ".part", space: int | None = None
) -> Iterator[Path]:
    """Yield a hidden temporary path in the same folder; move it to `path` if the block succeeds.

    If the block fails or is interrupted, the temporary file is removed and an existing file at
    `path` is left as it was. See `temporary_file`.

    Args:
        path: the file to write. Its folder must exist. If it is a link, the file that it points to
            is replaced. A folder, a loop of links, or a device such as `/dev/null`, which root
            could replace, is an `InputError`.
        suffix: suffix of the temporary name, starting with `.part`; some libraries require one.
        space: bytes that must be free on disk, for HDF5, which crashes the process when a write
            fails (h5py 3.14, HDF5 1.14). They are not kept: HDF5 empties the file first. The file
            is then also flushed to disk, and not locked, since HDF5 locks it itself.

    Example:
        >>> with atomic_path("masks/00000.png") as part:
        ...     image.save(part, format="PNG")
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: give the name of a file; this is a folder or a device.")
    # Otherwise the rename would replace the link itself and leave its target unchanged.
    path = link_target(path)
    with _named(path), temporary_file(path.parent, suffix, locked=space is None) as part:
        if space is not None and hasattr(os, "posix_fallocate"):  # not on macOS and Windows
            with part.open("rb+") as file:
                # A full disk fails here, before HDF5 writes. A length of 0 would be rejected.
                os.posix_fallocate(file.fileno(), 0, max(1, space))
        yield part
        if space is not None:
            with part.open("rb+") as file:
                os.fsync(file.fileno())  # after a power cut, a renamed file may otherwise be empty
        part.replace(path)


def link_target(path: Path) -> Path:
    """The file that a link leads to; any other path as it is. A loop is an `InputError`."""
    if not path.is_symlink():
        return path
    try:
        return path.resolve()
    except RuntimeError as error:
        raise InputError(f"{path}: a link that leads back to itself; remove it.") from error


@contextlib.contextmanager
def temporary_file(folder: Path, suffix: str = ".part", *, locked: bool = True) -> Iterator[Path]:
    """Create an empty hidden file; it is removed after the block unless it was renamed.

    Its name is random, so that nobody can plant a link there. Leftovers of killed processes in the
    folder are removed when a process first writes there.

    Args:
        folder: must exist.
        suffix: suffix of the name, starting with `.part`.
        locked: whether to lock it, so that other processes do not take it for a leftover. False for
            HDF5, which locks its files itself; the folder then needs a `folder_lock`.
    """
    _sweep(folder)
    locked = locked and fcntl is not None  # Windows cannot rename open files
    while True:
        path = folder / f".{secrets.token_hex(8)}{suffix}"
        # 0o666 minus the umask, as for any new file; `tempfile` would make it private (0o600).
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
        if not locked or _hold(file, path):
            break
        os.close(file)
    try:
        if not locked:
            os.close(file)
        yield path
    finally:
        if locked:
            os.close(file)
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a hidden, empty folder next to `path`; rename it to `path` if the block succeeds.

    Like `atomic_path`, for a folder and its content. An empty folder at `path` is replaced; its
    parent must exist.

    Example:
        >>> with atomic_folder("JPEGImages/003234408d") as part:
        ...     image.save(part / "00000.jpg")
    """
    path = Path(path)
    with _named(path):
        _sweep(path.parent)
        part, file = _new_folder(path)
        try:
            try:
                yield part
            finally:
                if file is not None:
                    os.close(file)
            # rename(2) replaces an empty folder, but never one with files in it.
            part.replace(path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def _new_folder(path: Path) -> tuple[Path, int | None]:
    """Create and lock a hidden folder next to `path`; returns it and its descriptor, if any."""
    while True:
        # Next to the target: a rename is atomic only within one file system.
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        part.mkdir()
        if fcntl is None:
            return part, None
        with contextlib.suppress(FileNotFoundError):  # swept before it was opened
            file = os.open(part, os.O_RDONLY)
            if _hold(file, part):
                return part, file
            os.close(file)


def _hold(file: int, path: Path) -> bool:
    """Lock a new file or folder; False if another process has taken it for a leftover."""
    try:
        _lock(file)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks on this file system, so nobody sweeps it
    return path.exists()  # the name is random: if it exists, it is ours


def _lock(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep(folder: Path) -> None:
    """Remove the temporary files and folders of killed processes: those that nobody has locked."""
    place = folder.absolute()
    if fcntl is None or place in _swept:
        return
    _swept.add(place)
    # Best effort: the folder may not be listable, and entries may belong to other users.
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if _LEFTOVER.fullmatch(entry.name):
                _remove_if_left(entry)


def _remove_if_left(path: Path) -> None:
    with contextlib.suppress(OSError):
        # O_NONBLOCK: opening a named pipe of such a name would wait for a writer.
        file = os.open(path, os.O_RDONLY | _NO_LINKS | os.O_NONBLOCK)
        try:
            # Fails if its writer holds the lock, or if the file system has no locks, where a
            # leftover looks like a file in use. The system releases a killed process's lock.
            _lock(file)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(file)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Add the path to system errors that lack it, such as a full disk."""
    try:
        yield
    except OSError as error:
        # The temporary name means nothing to users, and a full disk's error names no file at all.
        hidden = error.filename is not None and _LEFTOVER.fullmatch(Path(str(error.filename)).name)
        if error.errno is not None and (error.filename is None or hidden):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
