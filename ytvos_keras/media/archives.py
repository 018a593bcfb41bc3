"""The only place that reads zip files; sizes are checked before anything is unpacked."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.errors import first_line

MOST_TIMES = 8
"""How many times its own size an archive may unpack to, beside `FREE_BYTES`."""

FREE_BYTES = 2**26

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # other methods have unbounded memory use


class ArchiveError(ValueError):
    """An archive or a member that cannot be read. The message is a reason without the file."""


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose members together are not much larger than itself.

    Raises `ArchiveError` for any other file, `OSError` if there is none.
    """
    # Outside the block: a missing file stays an OSError, as documented.
    size = path.stat().st_size
    try:
        archive = zipfile.ZipFile(path)
        total = sum(info.file_size for info in archive.infolist())
    except Exception as error:  # zipfile raises all kinds of errors for damaged directories
        raise ArchiveError(f"cannot be read as a zip file ({first_line(error)})") from error
    # What the directory states is only a promise: `read_member` holds each member to it.
    with archive:
        if total > MOST_TIMES * size + FREE_BYTES:
            raise ArchiveError(
                f"unpacks to {total} bytes, but is {size} bytes long; at most {MOST_TIMES} times "
                f"its size and {FREE_BYTES} bytes are read"
            )
        yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read a member, at most as much as the directory states, and verify its checksum.

    Raises `ArchiveError` if it is damaged, encrypted, or neither stored nor deflated.
    """
    if info.compress_type not in _METHODS:
        raise ArchiveError("is neither stored nor deflated; zip it with the usual method")
    try:
        # One byte more than stated shows that there is more, without unpacking it.
        with archive.open(info) as file:
            # Not read(), which unpacks everything before it checks the size.
            data = file.read(info.file_size + 1)
    except Exception as error:  # all kinds of errors: encrypted, damaged, overlapping
        raise ArchiveError(f"cannot be read, is it damaged? ({first_line(error)})") from error
    if len(data) != info.file_size:
        raise ArchiveError("cannot be read, is it damaged? (its size is another)")
    return data
