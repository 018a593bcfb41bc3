"""Open image files after checking format, size and checksums. No other module opens them."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import check_no_broken_link
from ytvos_keras.media.png import is_png, png_damage, png_header

FORMATS = (
    *("JPEG", "PNG", "BMP", "GIF"),  # those that Pillow always knows
    TiffImagePlugin.TiffImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)
"""Formats that Pillow may try. Not all of its formats: for an EPS it starts Ghostscript."""

MOST_PIXELS = 2**26
"""Largest image that is decoded: 8192x8192, or twice a frame of 8K video."""


class DamagedPictureError(ValueError):
    """An image cannot be used. The message is a short reason that does not name the file."""


@contextlib.contextmanager
def open_picture(source: bytes | Path) -> Iterator[Image.Image]:
    """Open an image; its pixels are decoded when the block loads them.

    The format must be one of `FORMATS`, and the header must state at most `MOST_PIXELS`. For a PNG
    given as bytes, every checksum is verified; give a path only to read the header. A broken rule,
    and anything that the decoder raises in the block, becomes a `DamagedPictureError`.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            if isinstance(source, bytes) and is_png(source):
                _check_png(source)
            with Image.open(file, formats=FORMATS) as image:
                _check_pixels(image.height, image.width)
                yield image
        except DamagedPictureError:  # already has a reason
            raise
        except Exception as error:  # a decoder may raise anything, such as IndexError
            raise DamagedPictureError(_reason(error)) from error


def load_picture(path: str | Path) -> Image.Image:
    """Read and decode an image file in one of `FORMATS` completely, and close it."""
    return decode_picture(_read(Path(path)), str(path))


def decode_picture(data: bytes, name: str) -> Image.Image:
    """Decode the bytes of an image file completely; an error begins with the name."""
    with _named(name), open_picture(data) as image:
        image.load()
        return image


def encode_picture(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of an image file, `PNG` for example; `options` are those of Pillow's `save`."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture_size(path: Path) -> tuple[int, int]:
    """Read height and width from an image's header, in pixels as stored."""
    with _named(path), open_picture(path) as image:
        return image.height, image.width


def picture_mode(path: Path) -> str:
    """Read the mode of an image from its header, see Pillow."""
    with _named(path), open_picture(path) as image:
        return image.mode


def read_rgb(path: str | Path) -> np.ndarray:
    """Read an image as RGB with 8 bits per channel: uint8 (H, W, 3), 0–255.

    The EXIF orientation is applied. Greyscale is repeated in the three channels, an alpha channel
    is dropped (the colours under it are kept), a palette is looked up, and 16-bit greyscale is
    reduced to its high byte. Floating-point pixels, and integers above 16 bits, are an error.
    """
    with _named(path), open_picture(_read(Path(path))) as image:
        image.load()
        if image.mode == "F":
            raise DamagedPictureError("floating-point pixels; save it with 8 bits per channel")
        if image.mode == "I" and not _fits_16_bits(np.asarray(image)):
            raise DamagedPictureError("32-bit pixels; save it with 8 or 16 bits per channel")
        # A copy: np.asarray of an image is read-only.
        return np.array(to_rgb(ImageOps.exif_transpose(image)))


def _fits_16_bits(values: np.ndarray) -> bool:
    return values.min() >= 0 and values.max() <= 65535


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB as `read_rgb` does, apart from the orientation."""
    if image.mode.startswith("I"):  # 16-bit greyscale; older Pillow opens it as 32-bit "I"
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")


def _read(path: Path) -> bytes:
    check_no_broken_link([path])
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read. ({error.strerror})") from error


@contextlib.contextmanager
def _named(name: str | Path) -> Iterator[None]:
    try:
        yield
    except DamagedPictureError as error:
        raise InputError(f"{name}: cannot be read as an image; is it damaged? ({error})") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read. ({error.strerror})") from error


def _check_png(data: bytes) -> None:
    if header := png_header(data):  # before Pillow, whose limit is higher
        _check_pixels(*header[:2])
    if damage := png_damage(data):
        raise DamagedPictureError(damage)


def _check_pixels(height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise DamagedPictureError(
            f"{height}x{width} pixels, but the limit is {MOST_PIXELS}; make it smaller"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not a JPEG, PNG, WebP, BMP, TIFF or GIF file"
    return " ".join(str(error).split()) or type(error).__name__
