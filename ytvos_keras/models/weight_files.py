"""Check weight files before the HDF5 library, which hangs on some damaged ones, reads them."""

import os
import subprocess
import sys
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.media.archives import ArchiveError, open_archive
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.checksum import file_sha256

_PROBE = Path(__file__).with_name("hdf5_probe.py")
_SECONDS = 3  # of CPU time
_BYTES_A_SECOND = 2e7  # pessimistic, for compressed arrays on a slow machine
_PATIENCE = 10  # ratio of wall-clock to CPU time, for busy machines


def checksum_path(path: Path) -> Path:
    """Path of the checksum file next to a weight file, in the format of `sha256sum`."""
    return path.with_name(f"{path.name}.sha256")


def write_checksum(path: Path) -> None:
    """Write the SHA-256 of a weight file next to it."""
    with atomic_path(checksum_path(path)) as part, part.open("w") as file:
        file.write(f"{file_sha256(path)}  {path.name}\n")
        file.flush()
        os.fsync(file.fileno())  # an empty one after a power cut would not fit the weights


def check_weight_file(path: str | Path) -> None:
    """Make sure that a weights file (`.h5`, `.weights.h5`, `.keras`) can be read.

    If there is a checksum file next to it, the checksum is verified; otherwise a separate process
    reads the file first, which takes about a second.

    Raises:
        InputError: it is damaged, or does not match its checksum.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    expected = checksum_path(path)
    if expected.is_file():
        if expected.read_bytes()[:64] != file_sha256(path).encode():  # hex digits of a SHA-256
            raise InputError(
                f"{path}: is damaged, its SHA-256 is not that in {expected.name}; copy both again, "
                f"or remove {expected.name} if you changed the file on purpose."
            )
        return
    size = path.stat().st_size
    if path.suffix == ".keras":
        try:
            # Opening compares the unpacked with the packed size, which rejects zip bombs.
            with open_archive(path):
                pass
        except ArchiveError as error:
            raise _damaged(path, str(error)) from error
    seconds = _SECONDS + int(size / _BYTES_A_SECOND)
    try:
        done = subprocess.run(
            # -P, not -I: `pip install --user` packages must be found, the script's siblings not.
            [sys.executable, "-P", str(_PROBE), str(path), str(seconds)],
            capture_output=True,
            timeout=_PATIENCE * seconds,
        )
    except subprocess.TimeoutExpired:
        raise _damaged(path, "it takes too long to read") from None
    # Killed by a signal: a crash, or SIGXCPU when it ran out of CPU time.
    if done.returncode < 0:
        raise _damaged(path, "the HDF5 library crashes or hangs on it")
    if done.returncode:
        raise _damaged(path, done.stderr.decode(errors="replace").strip()[-200:])


def _damaged(path: Path, reason: str) -> InputError:
    kind = ".keras file" if path.suffix == ".keras" else "weights file"
    return InputError(f"{path}: not a {kind}, or damaged ({reason}).")
