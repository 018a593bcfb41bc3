"""Read zip files, checking sizes before unpacking. No other module reads them."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.errors import first_line

MOST_TIMES = 8
"""An archive may unpack to this many times its size plus `FREE_BYTES`."""

FREE_BYTES = 2**26

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # other methods have unbounded memory use


class ArchiveError(ValueError):
    """An archive or a member cannot be read. The message is a reason without the file name."""


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file, unless it would unpack to many times its size.

    Raises `ArchiveError` if it would, or is not a zip file; `OSError` if there is no such file.
    """
    # Outside the try block, so that a missing file stays an OSError.
    size = path.stat().st_size
    try:
        archive = zipfile.ZipFile(path)
        total = sum(info.file_size for info in archive.infolist())
    except Exception as error:  # zipfile raises all kinds of errors for damaged directories
        raise ArchiveError(f"cannot be read as a zip file ({first_line(error)})") from error
    # The sizes in the directory may be wrong; `read_member` enforces them.
    with archive:
        if total > MOST_TIMES * size + FREE_BYTES:
            raise ArchiveError(
                f"unpacks to {total} bytes, but is {size} bytes long; the limit is {MOST_TIMES} "
                f"times its size plus {FREE_BYTES} bytes"
            )
        yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read a member, at most the size stated in the directory, and verify its checksum.

    Raises `ArchiveError` if it is damaged, encrypted, or neither stored nor deflated.
    """
    if info.compress_type not in _METHODS:
        raise ArchiveError("is neither stored nor deflated; zip it with the default method")
    try:
        # One byte more than stated is enough to detect a wrong size.
        with archive.open(info) as file:
            # Not read() without a limit, which unpacks everything before it checks the size.
            data = file.read(info.file_size + 1)
    except Exception as error:  # all kinds of errors: encrypted, damaged, overlapping
        raise ArchiveError(f"cannot be read; is it damaged? ({first_line(error)})") from error
    if len(data) != info.file_size:
        raise ArchiveError("cannot be read; is it damaged? (its size is wrong)")
    return data
