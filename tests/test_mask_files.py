"""User-supplied masks: colour drawings, and one file or folder per object."""

import logging

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ytvos_keras.errors import InputError
from ytvos_keras.inference.corrections import open_corrections
from ytvos_keras.inference.first_masks import open_first_masks
from ytvos_keras.media import open_frames, write_mask
from ytvos_keras.media.colour_mask import ColourTable
from ytvos_keras.media.masks import ids_in

SIZE = (40, 60)
RED, GREEN, BLUE, BLACK, WHITE = (250, 0, 0), (0, 200, 9), (3, 0, 255), (0, 0, 0), (255,) * 3
DAVIS_2 = (0, 128, 0)  # the colour of object 2 in DAVIS


@pytest.fixture
def source(tmp_path):
    (tmp_path / "frames").mkdir()
    for index in range(3):
        Image.new("RGB", SIZE[::-1], (90, 90, 90)).save(tmp_path / f"frames/{index:03d}.png")
    return open_frames(tmp_path / "frames")


def drawing(*colours, background=BLACK, scale=1):
    image = Image.new("RGB", (SIZE[1] * scale, SIZE[0] * scale), background)
    for number, colour in enumerate(colours):
        left = (4 + 18 * number) * scale
        box = (left, 8 * scale, left + 14 * scale, 22 * scale)
        ImageDraw.Draw(image).ellipse(box, fill=colour)
    return image


def smooth(image):
    return image.resize(SIZE[::-1], Image.Resampling.BILINEAR)


def areas(labels):
    return {i: int((labels == i).sum()) for i in ids_in(labels)}


@pytest.mark.parametrize("background", [BLACK, WHITE])
@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P"])
def test_every_colour_is_an_object(tmp_path, source, caplog, background, kind):
    caplog.set_level(logging.INFO, "ytvos_keras")
    image = drawing(RED, GREEN, background=background)
    image = image.quantize(4) if kind == "P" else image.convert(kind)
    if kind == "P" and background == WHITE:
        image = image.remap_palette([2, 1, 0, 3])  # with white at index 0, the file would be valid
    image.save(tmp_path / "a.png")
    masks = open_first_masks(tmp_path / "a.png", source)
    labels = masks.read(0)
    assert sorted(areas(labels)) == [1, 2]
    assert abs(areas(labels)[1] - areas(labels)[2]) < 9
    assert labels[0, 0] == 0
    shown = {tuple(masks.palette[i].tolist()) for i in (1, 2)}
    assert shown == {RED, GREEN}
    assert "every colour is an object: #" in caplog.text


def test_masks_of_a_video_share_a_colour_table(tmp_path, source):
    (tmp_path / "masks").mkdir()
    drawing(RED).save(tmp_path / "masks/000.png")
    drawing(GREEN, RED, BLUE).save(tmp_path / "masks/002.png")
    masks = open_first_masks(tmp_path / "masks", source)
    red = masks.read(0).max()
    assert masks.read(2)[15, 30] == red
    assert sorted(masks.trusted.values()) == [[0], [2], [2]]


def test_all_pictures_are_drawings_if_one_is(tmp_path, source):
    (tmp_path / "masks").mkdir()
    drawing(DAVIS_2).save(tmp_path / "masks/000.png")  # alone, it would be object 2
    drawing(RED, WHITE).save(tmp_path / "masks/001.png")
    masks = open_first_masks(tmp_path / "masks", source)
    assert sorted(masks.begins.items()) == [(1, 0), (2, 1), (3, 1)]


def test_white_drawing_after_another(tmp_path, source):
    (tmp_path / "masks").mkdir()
    drawing(RED).save(tmp_path / "masks/000.png")
    drawing(WHITE).save(tmp_path / "masks/001.png")
    assert open_first_masks(tmp_path / "masks", source).begins == {1: 0, 2: 1}


@pytest.mark.parametrize("colour", [GREEN, DAVIS_2, WHITE, (90, 90, 90)])
def test_corrections_of_drawings_have_the_same_colours(tmp_path, source, colour):
    (tmp_path / "corrections").mkdir()
    drawing(RED, colour).save(tmp_path / "first.png")
    drawing(colour).save(tmp_path / "corrections/002.png")
    first = open_first_masks(tmp_path / "first.png", source)
    own = first.read(0)[15, 30]
    corrections = open_corrections(tmp_path / "corrections", source, first)
    assert corrections.ids == {2: [own]}
    assert corrections.read(2)[15, 10] == own

    Image.fromarray((first.read(0) == own).astype(np.uint8) * own).save(
        tmp_path / "corrections/002.png"
    )
    assert open_corrections(tmp_path / "corrections", source, first).ids == {2: [own]}  # its id

    drawing().save(tmp_path / "corrections/002.png")
    with pytest.raises(InputError, match=r"002\.png: no object in it"):
        open_corrections(tmp_path / "corrections", source, first)

    drawing(BLUE).save(tmp_path / "corrections/002.png")
    with pytest.raises(InputError, match=r"002\.png: object 3 is not tracked before this frame"):
        open_corrections(tmp_path / "corrections", source, first)

    write_mask(tmp_path / "ids.png", first.read(0))
    first = open_first_masks(tmp_path / "ids.png", source)
    with pytest.raises(InputError, match=r"002\.png: colours found"):
        open_corrections(tmp_path / "corrections", source, first)


@pytest.mark.parametrize("kind", ["L", "1", "RGB"])
def test_white_correction_of_drawings(tmp_path, source, kind):
    (tmp_path / "corrections").mkdir()
    drawing(RED, WHITE).save(tmp_path / "first.png")
    drawing(WHITE).convert(kind).save(tmp_path / "corrections/002.png")
    first = open_first_masks(tmp_path / "first.png", source)
    corrections = open_corrections(tmp_path / "corrections", source, first)
    assert corrections.ids == {2: [first.read(0)[15, 30]]}


def test_palette_correction_of_drawings_is_read_by_its_colours(tmp_path, source):
    (tmp_path / "corrections").mkdir()
    drawing(GREEN, RED).save(tmp_path / "first.png")
    red = drawing(RED).quantize(2)  # black and red: red is index 1
    assert np.asarray(red).max() == 1
    red.save(tmp_path / "corrections/002.png")
    first = open_first_masks(tmp_path / "first.png", source)
    corrections = open_corrections(tmp_path / "corrections", source, first)
    assert corrections.ids == {2: [first.read(0)[15, 30]]}


def test_grey_and_white_drawing(tmp_path, source):
    (tmp_path / "corrections").mkdir()
    drawing(RED, (90, 90, 90), WHITE).save(tmp_path / "first.png")
    drawing((90, 90, 90), WHITE).save(tmp_path / "corrections/002.png")
    first = open_first_masks(tmp_path / "first.png", source)
    corrections = open_corrections(tmp_path / "corrections", source, first)
    assert corrections.ids[2] == ids_in(first.read(0)[:, 20:])


@pytest.mark.parametrize(
    ("values", "message"),
    [([0, 1, 2, 255], "255 found besides"), ([0, 60, 120, 255], "255 found besides")],
)
def test_masks_with_255_are_not_black_and_white(tmp_path, source, values, message):
    (tmp_path / "corrections").mkdir()
    two = np.array(drawing(WHITE))[..., 0] // 255
    two[30:, :9] = 2
    write_mask(tmp_path / "first.png", two)
    mask = np.resize(np.repeat(np.array(values, np.uint8), 10), SIZE)
    Image.fromarray(mask).save(tmp_path / "corrections/002.png")
    first = open_first_masks(tmp_path / "first.png", source)
    with pytest.raises(InputError, match=message):
        open_corrections(tmp_path / "corrections", source, first)


def test_corrections_of_drawings_with_a_palette(tmp_path, source):
    (tmp_path / "corrections").mkdir()
    image = drawing(RED, GREEN, background=WHITE).quantize(4).remap_palette([2, 1, 0, 3])
    for name in ("first.png", "corrections/002.png"):
        image.save(tmp_path / name)
    first = open_first_masks(tmp_path / "first.png", source)
    corrections = open_corrections(tmp_path / "corrections", source, first)
    np.testing.assert_array_equal(corrections.read(2), first.read(0))


def test_black_and_white_correction_is_of_the_only_object(tmp_path, source):
    (tmp_path / "corrections").mkdir()
    drawing(RED).save(tmp_path / "red.png")
    write_mask(tmp_path / "ids.png", np.array(drawing(WHITE))[..., 0] // 255 * 7)
    drawing(WHITE).save(tmp_path / "corrections/002.png")
    for name, object_id in (("red.png", 1), ("ids.png", 7)):
        first = open_first_masks(tmp_path / name, source)
        corrections = open_corrections(tmp_path / "corrections", source, first)
        assert corrections.ids == {2: [object_id]}
        assert corrections.read(2)[15, 10] == object_id


def test_the_palette_has_the_colours_of_later_drawings(tmp_path, source):
    (tmp_path / "masks").mkdir()
    drawing(RED).save(tmp_path / "masks/000.png")
    drawing(RED, GREEN).save(tmp_path / "masks/002.png")
    palette = open_first_masks(tmp_path / "masks", source).palette
    assert [tuple(colour) for colour in palette[:3].tolist()] == [BLACK, RED, GREEN]


def test_unusable_drawings(tmp_path, source):
    def expect(image, message):
        image.save(tmp_path / "a.png")
        with pytest.raises(InputError, match=message):
            open_first_masks(tmp_path / "a.png", source)

    expect(smooth(drawing(RED, GREEN, scale=4)), "values found; was it resized with interpolation")
    expect(drawing(RED, background=(9, 90, 9)), r"a\.png: no background found; draw it black")
    half = drawing(RED).convert("RGBA")
    half.putalpha(128)
    expect(half, "half-transparent pixels")
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    expect(Image.fromarray(noise), "values found; was it resized")


def test_more_than_254_colours_in_total():
    table = ColourTable()
    pixels = np.zeros((30, 60, 3), np.uint8)
    for part in range(2):
        for number in range(127 + part):
            row, column = divmod(number, 20)
            block = pixels[4 * row : 4 * row + 3, 3 * column : 3 * column + 2]
            block[...] = (9 + part, 40 + number, 3 * (number % 80))
        if part:
            with pytest.raises(InputError, match="more than 254 colours"):
                table.read(Image.fromarray(pixels), "b.png")
        else:
            table.read(Image.fromarray(pixels), "a.png")


def box(row, value=255):
    mask = np.zeros(SIZE, np.uint8)
    mask[row : row + 8, 10:30] = value
    return mask


def test_one_file_per_object(tmp_path, source, caplog):
    caplog.set_level(logging.INFO, "ytvos_keras")
    folder = tmp_path / "objects"
    folder.mkdir()
    Image.fromarray(box(4)).save(folder / "dog.png")
    Image.fromarray(box(20)).save(folder / "cat.png")
    labels = open_first_masks(folder, source).read(0)
    np.testing.assert_array_equal(labels, (box(20) > 0) * 1 + (box(4) > 0) * 2)  # numbered by name
    assert "no mask is named after a frame, so each is one object of a frame" in caplog.text
    (folder / "dog.png").rename(folder / "7_dog.png")
    (folder / "cat.png").rename(folder / "3.png")
    labels = open_first_masks(folder, source).read(0)
    np.testing.assert_array_equal(labels, (box(20) > 0) * 3 + (box(4) > 0) * 7)
    Image.fromarray(box(6)).save(folder / "8.png")  # most likely the mask of another frame
    with pytest.raises(InputError, match=r"8\.png: covers most of the mask of another object; na"):
        open_first_masks(folder, source)
    (folder / "8.png").unlink()
    (folder / "3.png").rename(folder / "7.png")
    with pytest.raises(InputError, match="the numbers of its objects must be different, 1 to 254"):
        open_first_masks(folder, source)


@pytest.mark.parametrize("small", [1, 2])
def test_smaller_objects_are_on_top(tmp_path, source, small):
    around, inside = np.zeros((2, *SIZE), np.uint8)
    around[2:30, 2:50] = 255
    inside[10:14, 10:20] = 255
    for object_id in (1, 2):
        (tmp_path / f"objects/{object_id}").mkdir(parents=True)
        mask = inside if object_id == small else around
        Image.fromarray(mask).save(tmp_path / f"objects/{object_id}/000.png")
    labels = open_first_masks(tmp_path / "objects", source).read(0)
    assert areas(labels) == {small: 40, 3 - small: 28 * 48 - 40}
    # In files without names of frames, too.
    for file in [*(tmp_path / "objects").iterdir()]:
        (file / "000.png").rename(file.with_suffix(".png"))
        file.rmdir()
    np.testing.assert_array_equal(open_first_masks(tmp_path / "objects", source).read(0), labels)


def test_object_without_a_pixel_left(tmp_path, source):
    for object_id in (1, 2):
        (tmp_path / f"objects/{object_id}").mkdir(parents=True)
        Image.fromarray(box(4)).save(tmp_path / f"objects/{object_id}/000.png")
    with pytest.raises(InputError, match=r"1/000\.png: covered by the masks of other objects"):
        open_first_masks(tmp_path / "objects", source)


def test_one_file_per_object_of_a_chosen_frame(tmp_path, source):
    folder = tmp_path / "objects"
    folder.mkdir()
    Image.fromarray(box(4)).save(folder / "dog.png")
    Image.fromarray(box(20)).save(folder / "cat.png")
    masks = open_first_masks(folder, source, mask_frame="002")
    assert masks.trusted == {1: [2], 2: [2]}
    np.testing.assert_array_equal(masks.read(2), (box(20) > 0) * 1 + (box(4) > 0) * 2)
    with pytest.raises(InputError, match="has no frame '3'"):
        open_first_masks(folder, source, mask_frame="3")


@pytest.mark.parametrize("place", ["masks", "masks/1_dog"])
def test_a_frame_is_not_chosen_for_masks_named_after_frames(tmp_path, source, place):
    (tmp_path / place).mkdir(parents=True)
    write_mask(tmp_path / place / "001.png", box(4, 1))
    message = "masks: --mask-frame is for a single mask, or a folder with one for each object"
    with pytest.raises(InputError, match=message):
        open_first_masks(tmp_path / "masks", source, mask_frame="1")


def test_more_files_than_ids(tmp_path, source):
    folder = tmp_path / "objects"
    folder.mkdir()
    for number in range(255):
        Image.fromarray(box(4)).save(folder / f"object_{number}.png")
    with pytest.raises(InputError, match=r"objects: 255 objects, but a run tracks at most 254"):
        open_first_masks(folder, source)


def test_one_folder_per_object(tmp_path, source):
    """The layout written by `--format per-object`."""
    for name, frame, row in (("1_dog", "000", 4), ("2", "000", 20), ("2", "001", 24)):
        (tmp_path / "objects" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(box(row)).save(tmp_path / "objects" / name / f"{frame}.png")
    masks = open_first_masks(tmp_path / "objects", source)
    np.testing.assert_array_equal(masks.read(0), (box(4) > 0) * 1 + (box(20) > 0) * 2)
    assert masks.trusted == {1: [0], 2: [0]}
    every = open_first_masks(tmp_path / "objects", source, use_all=True)
    assert every.trusted == {1: [0], 2: [0, 1]}
    write_mask(tmp_path / "objects" / "1_dog" / "009.png", box(4))
    with pytest.raises(InputError, match=r"009\.png: .* has no frame of this name"):
        open_first_masks(tmp_path / "objects", source)
