"""Check that an HDF5 file, or the one in a .keras file, can be read; run as a script.

It runs in a separate process because the HDF5 library hangs or crashes on some damaged files. Exit
code 0 means that every value can be read. To start fast, it does not import the package.
"""

import io
import math
import os
import sys
import time
import zipfile

import h5py

_WEIGHTS = "model.weights.h5"  # in a .keras file
_TIMES = 64  # largest allowed ratio of the size of the arrays to the size of the file
_FREE = 2**26  # bytes allowed on top of that


def main(path: str, seconds: int) -> None:
    """Read everything in a file, using at most `seconds` of CPU time, rounded up."""
    try:
        import resource
    except ImportError:  # on Windows, where the parent process limits the time
        pass
    else:
        # CPU time, not wall-clock time: a busy machine must not make a good file look damaged. The
        # imports, which take longer there too, do not count.
        limit = math.ceil(time.process_time()) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    source: str | io.BytesIO = path
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            # In memory: nothing is unpacked to disk.
            source = io.BytesIO(archive.read(_WEIGHTS))
    room = _TIMES * os.path.getsize(path) + _FREE  # noqa: PTH202 (pathlib would take as long to import)
    with h5py.File(source, "r") as file:
        # Attributes are read lazily: listing them is not enough.
        dict(file.attrs)

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            nonlocal room
            dict(item.attrs)
            if isinstance(item, h5py.Dataset):
                # Before reading: a header may declare a shape that does not fit in memory.
                room -= item.nbytes
                if room < 0:
                    raise ValueError("its arrays are many times larger than the file")
                item[()]  # reads and decompresses every chunk

        file.visititems(visit)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except Exception as error:
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
