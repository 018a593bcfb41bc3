import io

import numpy as np
import pytest
from frame_folders import picture
from mask_folders import blocks
from PIL import Image, ImageDraw

from ytvos_keras.datasets.check.mask_bytes import examine_mask
from ytvos_keras.datasets.label_values import (
    decode_labels,
    is_binary,
    label_areas,
    object_areas,
)
from ytvos_keras.errors import InputError
from ytvos_keras.media.palette import davis_palette

LABELS = blocks(1, 3)
GREY = Image.fromarray(LABELS)
PALETTE = GREY.copy()
PALETTE.putpalette(davis_palette().tobytes())
BINARY = Image.fromarray((LABELS > 0) * np.uint8(255))


def encode(image, kind="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def smooth_disc():
    image = Image.new("L", (200, 200))
    ImageDraw.Draw(image).ellipse((20, 20, 180, 180), fill=255)
    return image.resize((64, 64), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("image", [GREY, PALETTE])
def test_single_channel_masks(image):
    data = encode(image)
    facts = examine_mask(data)
    assert facts.kind is None and facts.size == (8, 8)
    np.testing.assert_array_equal(facts.labels, LABELS)
    np.testing.assert_array_equal(decode_labels(data, "a.png"), LABELS)


def test_black_and_white_masks_keep_their_values():
    assert examine_mask(encode(BINARY)).labels.max() == 255
    assert decode_labels(encode(BINARY.convert("1")), "a.png").max() == 1


MENDABLE = {
    "PNG, mode RGB": GREY.convert("RGB"),
    "PNG, mode RGB ": PALETTE.convert("RGB"),
    "PNG, mode RGBA": PALETTE.convert("RGBA"),
    "PNG, mode LA": GREY.convert("LA"),
    "PNG, mode I;16": Image.fromarray(LABELS.astype(np.uint16)),
    "BMP, mode L": GREY,
}


@pytest.mark.parametrize("what", MENDABLE)
def test_ids_that_can_be_recovered_exactly(what):
    data = encode(MENDABLE[what], what.split(",")[0])
    facts = examine_mask(data)
    assert (facts.kind, facts.what) == ("colour-mask", what.strip())
    np.testing.assert_array_equal(facts.labels, LABELS)
    with pytest.raises(InputError, match=r"^a\.png: a mask must be .* `ytvos-prepare check --fix`"):
        decode_labels(data, "a.png")


def test_other_colours_are_not_ids():
    facts = examine_mask(encode(picture(0)))
    assert facts.labels is None
    assert facts.what == "PNG, mode RGB, 64 colours that are not ids"


def test_grey_that_may_be_an_id_or_a_palette_colour():
    grey = Image.fromarray(np.where(LABELS > 0, np.uint8(128), np.uint8(0)))
    assert examine_mask(encode(grey.convert("RGB"))).labels is None  # 128 or colour of id 7
    assert examine_mask(encode(grey)).labels.max() == 128
    black = examine_mask(encode(Image.new("RGB", (4, 3))))
    assert black.kind == "colour-mask" and not black.labels.any()


def test_transparent_pixels_are_background():
    image = PALETTE.convert("RGBA")
    image.putalpha(Image.fromarray((LABELS == 1) * np.uint8(255)))
    np.testing.assert_array_equal(examine_mask(encode(image)).labels, blocks(1))
    image.putalpha(Image.fromarray((LABELS == 1) * np.uint8(120)))
    assert examine_mask(encode(image)).labels is None


def test_smooth_edges():
    half = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8) // 2, (8, 1)))  # without 255
    for image in (smooth_disc(), smooth_disc().convert("RGB"), half):
        facts = examine_mask(encode(image))
        assert facts.kind == "smooth-mask" and facts.labels is None
        assert int(facts.what.split()[0]) > 20
    few = Image.fromarray(np.array([[0, 128, 255, 255]], np.uint8))
    assert examine_mask(encode(few)).what == "3 values"


def test_many_or_ambiguous_ids_are_not_smooth_edges():
    many = Image.fromarray(np.arange(0, 60, 3, np.uint8)[None])
    coloured = many.copy()
    coloured.putpalette(davis_palette().tobytes())
    assert examine_mask(encode(many)).kind == "smooth-mask"
    assert examine_mask(encode(coloured)).kind is None
    undecided = Image.fromarray(np.array([[0, 1, 2, 255]], np.uint8))
    assert examine_mask(encode(undecided)).kind is None


def test_jpeg_and_damage():
    assert examine_mask(encode(GREY, "JPEG")).kind == "jpeg-mask"
    assert examine_mask(encode(PALETTE)[:-20]).kind == "damaged-mask"
    with pytest.raises(InputError, match=r"^a\.png: cannot be read as an image; is it damaged\?"):
        decode_labels(encode(PALETTE)[:100], "a.png")


def test_binary_videos():
    empty, white, mixed = (label_areas(np.array([[0, i]], np.uint8)) for i in (0, 255, 1))
    assert is_binary([empty, white])
    assert not is_binary([mixed, white])  # ambiguous: 255 may be an id here
    assert not is_binary([empty]) and not is_binary([])


def test_too_many_ids_are_reported():
    facts = examine_mask(encode(Image.fromarray(np.arange(300, dtype=np.uint16)[None])))
    assert (facts.kind, facts.labels) == ("colour-mask", None)
    assert "values up to 299, but ids are 1 to 254" in facts.what


def test_areas_of_objects():
    areas = label_areas(np.array([[0, 1, 1], [7, 255, 255]], np.uint8))
    assert areas.shape == (256,) and areas.sum() == 6
    assert object_areas(areas, binary=False) == {1: 2, 7: 1}
    assert object_areas(areas, binary=True) == {1: 5}
    assert object_areas(label_areas(np.zeros((2, 2), np.uint8)), binary=True) == {}
