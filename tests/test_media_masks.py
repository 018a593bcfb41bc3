import re

import numpy as np
import pytest
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media import check_label_map, davis_palette, read_mask, write_mask
from ytvos_keras.media.masks import ids_in


def test_davis_palette_known_colours():
    palette = davis_palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    expected = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        7: (128, 128, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        255: (224, 224, 192),
    }
    assert {i: tuple(palette[i].tolist()) for i in expected} == expected
    assert len(np.unique(palette, axis=0)) == 256


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], [0, 1]),
        ([0, 255], [0, 1]),
        ([0, 65535], [0, 1]),
        ([False, True], [0, 1]),
        ([0, 3], [0, 3]),  # a lone id is kept
        ([0.0, 2.0], [0, 2]),
        ([0, 7, 200, 254], [0, 7, 200, 254]),
        (range(13), range(13)),  # more than ten, but exactly 1 … K
    ],
)
def test_check_label_map_values(values, expected):
    label_map = check_label_map(np.array([list(values)]))
    assert label_map.dtype == np.uint8
    np.testing.assert_array_equal(label_map, [list(expected)])


def test_check_label_map_channels():
    grey = np.array([[0, 2], [1, 0]], np.uint8)
    rgb = np.repeat(grey[..., None], 3, -1)
    np.testing.assert_array_equal(check_label_map(grey[..., None]), grey)
    np.testing.assert_array_equal(check_label_map(rgb), grey)
    opaque = np.full((2, 2, 1), 255, np.uint8)
    np.testing.assert_array_equal(check_label_map(np.concatenate([rgb, opaque], -1)), grey)
    opaque[0, 1] = 0  # transparent pixels are background
    np.testing.assert_array_equal(
        check_label_map(np.concatenate([rgb, opaque], -1)), [[0, 0], [1, 0]]
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2)), "no object in it, every pixel is 0"),
        (np.array([[0, 1, 255]]), "value 255 found besides 1; if it marks void pixels, set them"),
        (np.array([[0, 128, 255]]), "if the mask has smooth edges"),
        (
            np.linspace(0, 255, 17, dtype=np.uint8)[None],
            "17 values found; was it resized with interpolation",
        ),
        (np.array([[0, 300]]), "ids must be 1 to 254, 0 is background; renumber the objects"),
        (np.arange(301)[None], "more than 254 over several runs. Received: 1, 2, 3, 4, … 300."),
        (np.arange(0, 400, 7)[None], "Received: 7, 14, 21, 28, … 399."),
        (np.array([[0, 1, 65535]]), "Received: 1, 65535."),
        (np.linspace(0, 65535, 40).astype(np.uint16)[None], "40 values found; was it resized"),
        (np.array([[0, -1]]), "Received: -1"),
        (np.array([[0, 0.5]]), "fractions found"),
        (np.array([[0, np.nan]]), "fractions found"),
        (np.array([["a"]]), "must hold whole numbers. Received: <U1"),
        (np.eye(3)[None], "colours found"),
        (np.ones((2, 2, 2)), r"must have shape (H, W). Received: (2, 2, 2)"),
        (np.ones((0, 2)), r"Received: (0, 2)"),
    ],
)
def test_check_label_map_errors(array, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        check_label_map(array, name="first.png")
    assert str(error.value).startswith("first.png: ")
    assert "\n" not in str(error.value)


def test_check_label_map_options():
    many = np.array([[0, *range(20, 40)]])
    np.testing.assert_array_equal(check_label_map(many, indexed=True), many)
    with pytest.raises(InputError, match="21 values"):
        check_label_map(many)
    assert not check_label_map(np.zeros((2, 2)), allow_empty=True).any()


def test_void_sets_the_meaning_of_255(tmp_path):
    labels = np.array([[0, 1, 255, 7]], np.uint8)
    for void in (0, 1):
        expected = [[0, 1, void, 7]]
        np.testing.assert_array_equal(check_label_map(labels, void=void), expected)
        np.testing.assert_array_equal(check_label_map(labels.astype(int), void=void), expected)
        write_mask(tmp_path / "a.png", labels)
        np.testing.assert_array_equal(read_mask(tmp_path / "a.png", void=void)[0], expected)
    white = np.array([[0, 255]], np.uint8)
    assert check_label_map(white, void=0, allow_empty=True).tolist() == [[0, 0]]
    assert white.tolist() == [[0, 255]]  # the input is unchanged
    with pytest.raises(InputError, match="17 values found"):
        check_label_map(np.linspace(0, 255, 18, dtype=np.uint8)[None], void=0)


@pytest.mark.parametrize("void", [0, 1])
def test_soft_mask_with_every_level(void):
    """Without the 255 that `void` replaces, its levels are the ids 1 … 254, without gaps."""
    soft = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(InputError, match="256 values found; was it resized with interpolation"):
        check_label_map(soft, void=void)
    np.testing.assert_array_equal(
        check_label_map(soft, void=void, indexed=True), np.where(soft == 255, void, soft)
    )
    with pytest.raises(InputError, match="ids must be 1 to 254"):
        check_label_map(np.arange(300, dtype=np.uint16)[None], void=void)


def test_16_bit_file_with_too_many_objects(tmp_path):
    labels = np.arange(300, dtype=np.uint16).reshape(15, 20)
    Image.fromarray(labels).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: ids must be 1 to 254.*Received: .*… 299\."):
        read_mask(tmp_path / "a.png")
    Image.fromarray(labels // 2).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.png")[0], labels // 2)


def test_ids_in():
    assert ids_in(np.array([[0, 9, 2], [254, 9, 0]], np.uint8)) == [2, 9, 254]
    assert ids_in(np.asfortranarray(np.eye(3, dtype=np.uint8))[:, ::2]) == [1]
    assert ids_in(np.zeros((1, 5), np.uint8)) == []


def test_mask_file_round_trip_keeps_labels_and_palette(tmp_path):
    labels = np.array([[0, 1, 2], [9, 2, 1]], np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[:4] = [[0, 0, 0], [236, 95, 103], [249, 145, 87], [250, 200, 99]]
    write_mask(tmp_path / "a.png", labels, palette)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert image.size == (3, 2)
    read, read_palette = read_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(read, labels)
    np.testing.assert_array_equal(read_palette, palette)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_write_mask_default_palette_and_errors(tmp_path):
    write_mask(tmp_path / "a.png", np.array([[0, 200]], np.uint8))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png")[1], davis_palette())
    with pytest.raises(ValueError, match=r"uint8 with shape \(H, W\). Received: int64"):
        write_mask(tmp_path / "b.png", np.zeros((2, 2), np.int64))


def test_write_mask_with_a_short_palette(tmp_path):
    labels = np.array([[0, 1, 2, 9]], np.uint8)
    write_mask(tmp_path / "a.png", labels, davis_palette()[:3])
    assert (tmp_path / "a.png").read_bytes()[24] == 8  # bits
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), labels)


def test_write_mask_keeps_the_old_file_on_failure(tmp_path, monkeypatch):
    labels = np.array([[0, 1]], np.uint8)
    write_mask(tmp_path / "a.png", labels)

    def fail(self, file, **options):
        file.write_bytes(b"half a picture")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        write_mask(tmp_path / "a.png", labels * 2)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png")[0], labels)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_short_palette_is_completed_with_davis_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "a.png")
    _, palette = read_mask(tmp_path / "a.png")
    assert palette.shape == (256, 3)
    assert palette[1].tolist() == [255, 0, 0]
    assert palette[2].tolist() == [0, 128, 0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_read_mask_modes_without_palette(tmp_path, mode):
    binary = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))
    if mode == "I;16":
        binary = Image.fromarray(np.array([[0, 65535], [65535, 0]], np.uint16))
    else:
        binary = binary.convert(mode)
    binary.save(tmp_path / "a.png")
    label_map, palette = read_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(label_map, [[0, 1], [1, 0]])
    assert palette is None


def test_read_mask_errors_name_the_file(tmp_path):
    def expect(name, message):
        with pytest.raises(InputError, match=message) as error:
            read_mask(tmp_path / name)
        assert str(error.value).startswith(str(tmp_path / name))
        assert "\n" not in str(error.value)

    expect("absent.png", "no such file")
    (tmp_path / "text.png").write_text("not a picture")
    expect("text.png", "cannot be read as an image")
    red = np.zeros((4, 4, 3), np.uint8)
    red[1:3, 1:3, 0] = 200
    Image.fromarray(red).save(tmp_path / "colour.png")
    expect("colour.png", r"colours found.*save it as an index")
    Image.fromarray(red).save(tmp_path / "a.jpg")
    expect("a.jpg", "JPEG does not keep exact values; save the mask as PNG")
    smooth = Image.fromarray(np.eye(9, dtype=np.uint8) * 255).resize((64, 64), 2)
    smooth.save(tmp_path / "smooth.png")
    expect("smooth.png", "values found; was it resized with interpolation")
    # A wide ramp has all levels, with or without the brightest.
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    for name, levels in (("soft.png", ramp), ("half.png", ramp // 2)):
        Image.fromarray(levels).save(tmp_path / name)
        expect(name, "values found; was it resized with interpolation")
    Image.new("CMYK", (4, 4)).save(tmp_path / "a.tiff")
    expect("a.tiff", "Received: mode CMYK")
    big = np.random.default_rng(0).integers(0, 3, (64, 64), np.uint8)
    Image.fromarray(big).save(tmp_path / "cut.png")
    data = (tmp_path / "cut.png").read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "cut.png").write_bytes(data[: int(len(data) * share)])
        expect("cut.png", "is it damaged")
