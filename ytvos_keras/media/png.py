"""Read the header and checksums of PNG files without decoding them."""

import struct
import zlib

GREY, PALETTE = 0, 3  # colour types of a PNG

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {GREY: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}  # of each colour type
_RATIO = 1100  # zlib compresses by at most a factor of 1032 (https://zlib.net/zlib_tech.html)
_CHUNK = 12  # bytes of a chunk besides its content: length, type, checksum


def is_png(data: bytes) -> bool:
    """Whether a file starts like a PNG."""
    return data.startswith(_SIGNATURE)


def png_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Height and width in pixels, bits per channel and colour type; None if it is not a PNG.

    References:
        - https://www.w3.org/TR/png-3/#11IHDR
    """
    # IHDR must come first. A slice of a short file is short, not an error.
    if not is_png(data) or data[12:16] != b"IHDR" or len(data) < 26:
        return None
    width, height, depth, color_type = struct.unpack(">IIBB", data[16:26])
    return height, width, depth, color_type


def is_index_png(data: bytes) -> bool:
    """Whether a file is a PNG with a palette and 8 bits per pixel."""
    header = png_header(data)
    return header is not None and header[2:] == (8, PALETTE)


def png_damage(data: bytes) -> str | None:
    """Describe the damage to a PNG; None if intact. Pillow ignores the checksums of pixels."""
    if _raw_bytes(data) > _RATIO * len(data):  # Pillow would fill the rest with zeros
        return "its data are too short for its size"
    place = len(_SIGNATURE)
    while place + _CHUNK <= len(data):
        length = int.from_bytes(data[place : place + 4])
        kind, end = data[place + 4 : place + 8], place + 8 + length
        if end + 4 > len(data):
            break
        # The checksum covers the type, but not the length. The view saves a copy of each chunk.
        if zlib.crc32(memoryview(data)[place + 4 : end]) != int.from_bytes(data[end : end + 4]):
            return "the checksum of its data is wrong"
        if kind == b"IEND":
            return None
        place = end + 4
    return "cut off, its end is missing"


def _raw_bytes(data: bytes) -> int:
    """Bytes of all pixels, uncompressed; 0 if there is no header."""
    header = png_header(data)
    if header is None:
        return 0
    height, width, depth, color_type = header
    return height * (width * depth * _CHANNELS.get(color_type, 1) // 8)
