"""What kind of PNG a file is: Pillow opens 4-bit and 8-bit index PNGs alike."""

import struct

GREY, PALETTE = 0, 3  # colour types of a PNG

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Height and width in pixels, bits a channel and colour type of a PNG; None if it is none.

    References:
        - https://www.w3.org/TR/png-3/#11IHDR
    """
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR" or len(data) < 26:
        return None
    width, height, depth, colour_type = struct.unpack(">IIBB", data[16:26])
    return height, width, depth, colour_type


def is_index_png(data: bytes) -> bool:
    """Whether a file is a PNG with a palette and 8 bits a pixel."""
    header = png_header(data)
    return header is not None and header[2:] == (8, PALETTE)
