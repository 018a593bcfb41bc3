"""Read text files in common encodings."""

import codecs
from pathlib import Path

from ytvos_keras.errors import InputError

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or in UTF-16 with a byte order mark, as written by PowerShell."""
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not text in UTF-8; save it as UTF-8.") from error
