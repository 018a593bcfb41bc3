"""Reading one picture file, with one-line errors."""

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ytvos_keras.errors import InputError

# What Pillow raises for damaged files, found by truncating and corrupting JPEG and PNG files.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def load_picture(path: str | Path) -> Image.Image:
    """Read and decode a picture file completely.

    Args:
        path: a file in any format that Pillow reads.

    Returns:
        The picture, its pixels in memory and the file closed.

    Raises:
        InputError: the file does not exist, is not a picture, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read. ({error.strerror})") from error
    return decode_picture(data, str(path))


def decode_picture(data: bytes, name: str) -> Image.Image:
    """Decode the bytes of a picture file completely.

    Args:
        data: in any format that Pillow reads.
        name: what to call the picture in an error: its file, if it has one.

    Raises:
        InputError: not a picture, or damaged.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image
    except (*DAMAGE, Image.DecompressionBombError) as error:
        reason = re.sub(r" <_io\.BytesIO.*?>$", "", " ".join(str(error).split()))
        raise InputError(
            f"{name}: cannot be read as a picture, is it damaged? ({reason})"
        ) from error


def read_rgb(path: str | Path) -> np.ndarray:
    """Read a picture as RGB with 8 bits a channel.

    The EXIF orientation is applied. Greyscale is repeated in the three channels, an alpha channel
    is dropped (the colours under it are kept), a palette is looked up, and of 16-bit greyscale the
    high byte is kept.

    Args:
        path: a JPEG or PNG file.

    Returns:
        uint8 array (H, W, 3), 0–255.

    Raises:
        InputError: the file cannot be read, or holds floating-point pixels.
    """
    image = load_picture(path)
    if image.mode == "F":
        raise InputError(f"{path}: holds floating-point pixels; save it with 8 bits a channel.")
    return np.array(to_rgb(ImageOps.exif_transpose(image)))


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a picture to RGB as `read_rgb` does, but for the orientation."""
    if image.mode.startswith("I"):  # 16-bit greyscale; older Pillow opens it as 32-bit "I"
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")
