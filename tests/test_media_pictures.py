import io
import re
import struct
import zlib

import numpy as np
import pytest
from frame_folders import picture
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media import read_mask
from ytvos_keras.media.pictures import (
    FORMATS,
    MOST_PIXELS,
    DamagedPictureError,
    decode_picture,
    load_picture,
    open_picture,
    picture_size,
    read_rgb,
)

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 40\n%%EndComments\n(x) print\n%%EOF\n"


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_of_zeros(height, width):
    """A small file that declares many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind):
    image = picture(0, (8, 12))
    assert decode_picture(encode(image, kind), "a").size == (12, 8)


def test_eps_is_not_opened(tmp_path):
    with pytest.raises(InputError, match="not a JPEG, PNG, WebP, BMP, TIFF or GIF file"):
        decode_picture(EPS, "mask.png")
    (tmp_path / "mask.png").write_bytes(EPS)
    for read in (read_rgb, read_mask, load_picture, picture_size):
        with pytest.raises(InputError, match=r"mask\.png: cannot be read .* \(not a JPEG, PNG, "):
            read(tmp_path / "mask.png")


@pytest.mark.parametrize("size", [(13_000, 13_000), (1, MOST_PIXELS + 1), (60_000, 60_000)])
def test_pixel_count_is_limited_before_decoding(size, tmp_path):
    data = png_of_zeros(*size)
    path = tmp_path / "large.png"
    path.write_bytes(data)
    message = re.escape(f"large.png: cannot be read as an image; is it damaged? ({size[0]}x")
    for read in (read_rgb, read_mask):
        with pytest.raises(InputError, match=message):
            read(path)


def test_png_too_short_for_its_declared_size(tmp_path):
    with pytest.raises(InputError, match=r"its data are too short for its size"):
        decode_picture(png_of_zeros(4000, 4000), "a.png")
    whole = encode(Image.new("L", (4000, 4000)), "PNG", compress_level=9)
    assert len(whole) < 20_000
    assert decode_picture(whole, "a.png").size == (4000, 4000)


def test_every_flipped_bit_in_a_png_is_detected():
    data = encode(picture(0, (8, 12)).quantize(8), "PNG")
    for place in np.random.default_rng(0).integers(8, len(data), 50):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        with pytest.raises(InputError, match="cannot be read as an image"):
            decode_picture(bytes(flipped), "a.png")


def test_any_decoder_exception_becomes_one_error():
    with (
        pytest.raises(DamagedPictureError, match=r"^no such index$"),
        open_picture(encode(picture(0), "PNG")),
    ):
        raise IndexError("no such\nindex")


def test_picture_size_reads_only_the_header(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(picture(0, (40, 60)), "JPEG")[:-200])
    assert picture_size(path) == (40, 60)
    with pytest.raises(InputError, match=r"b\.jpg: cannot be read\. \(No such file"):
        picture_size(tmp_path / "b.jpg")


def test_32_bit_pixels_that_do_not_fit(tmp_path):
    for value, fits in ((65_535, True), (70_000, False), (-1, False)):
        Image.fromarray(np.full((4, 4), value, np.int32)).save(tmp_path / "a.tif")
        if fits:
            assert read_rgb(tmp_path / "a.tif").max() == 255
        else:
            with pytest.raises(InputError, match="32-bit pixels; save it with 8 or 16 bits"):
                read_rgb(tmp_path / "a.tif")
