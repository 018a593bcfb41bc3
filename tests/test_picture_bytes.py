import io

import pytest
from frame_folders import picture
from PIL import Image

from ytvos_keras.datasets.picture_bytes import examine_picture


def encode(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


IMAGE = picture(0, (64, 96))
JPEG, PNG = encode(IMAGE), encode(IMAGE, "PNG")


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        JPEG + bytes(100),  # some cameras pad their files
        JPEG + b"\xff\xd9 a video \xff\xda",  # or append a video
        encode(IMAGE, progressive=True),
        encode(IMAGE, optimize=True, quality=100, subsampling=0),
        encode(IMAGE.convert("L")),
        encode(IMAGE.convert("CMYK")),
        encode(IMAGE.crop((0, 0, 1, 1))),
        PNG,
        encode(IMAGE.quantize(8), "PNG"),
        encode(IMAGE.convert("1"), "PNG"),
    ],
)
def test_intact_images_have_no_damage(data):
    assert examine_picture(data).damage is None


def test_image_facts():
    facts = examine_picture(JPEG)
    assert (facts.format, facts.height, facts.width, facts.orientation) == ("JPEG", 64, 96, 1)
    assert examine_picture(encode(IMAGE, "BMP")).format == "BMP"
    turned = Image.Exif()
    turned[0x0112] = 6
    assert examine_picture(encode(IMAGE, exif=turned)).orientation == 6
    several = encode(IMAGE, "MPO", save_all=True, append_images=[picture(1)])
    assert examine_picture(several).format == "JPEG"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("data", [JPEG, PNG], ids=["JPEG", "PNG"])
def test_truncated(data, share):
    assert examine_picture(data[: int(share * len(data))]).damage


def test_truncated_jpeg_with_a_thumbnail():
    """The end marker of the thumbnail is not that of the image."""
    exif = Image.Exif()
    exif[0x9286] = JPEG  # a comment
    data = encode(IMAGE, exif=exif)
    assert examine_picture(data).damage is None
    assert examine_picture(data[:-2]).damage == "cut off, its end marker is missing"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_truncated_jpeg_with_an_end_marker(share):
    data = JPEG[: int(share * len(JPEG))] + b"\xff\xd9"
    Image.open(io.BytesIO(data)).load()  # Pillow accepts it
    assert examine_picture(data).damage == "its data ends early or is corrupt"


def test_jpeg_without_an_end_marker():
    image = IMAGE.resize((400, 400))
    assert examine_picture(encode(image)[:-2]).damage


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_flipped_bit_in_a_png(share):
    data = bytearray(PNG)
    data[int(share * len(data))] ^= 1
    assert examine_picture(bytes(data)).damage


def test_not_an_image():
    assert examine_picture(b"").damage == "empty file"
    assert examine_picture(b"<html>").damage == "not a JPEG, PNG, WebP, BMP, TIFF or GIF file"
    assert examine_picture(b"<html>").format == ""
