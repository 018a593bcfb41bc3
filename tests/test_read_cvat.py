import numpy as np
import pytest
from frame_folders import write_frames

pytest.importorskip("pycocotools")

from ytvos_keras.datasets.label_values import decode_labels
from ytvos_keras.datasets.readers.cvat import read_cvat
from ytvos_keras.errors import InputError

SQUARE = '<polygon label="dog" points="1.0,1.0;5.0,1.0;5.0,5.0;1.0,5.0" z_order="{z}"/>'
MASK = '<mask label="cat" rle="0, 2, 2, 2" left="4" top="4" width="3" height="2" z_order="0"/>'
IMAGE = '<image id="0" name="a.jpg" width="8" height="8">{}</image>'


@pytest.fixture
def write(tmp_path):
    """Return a function that writes `annotations.xml` and reads it."""
    write_frames(tmp_path / "images", ["a"])

    def write(content, **options):
        file = tmp_path / "annotations.xml"
        file.write_text(
            f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>{content}'
            "</annotations>"
        )
        return read_cvat(file, **options)

    return write


def labels_of(video):
    return decode_labels(video.frames[0].mask.read_bytes(), "mask")


def expected(*, mask_on_top):
    labels = np.zeros((8, 8), np.uint8)
    square = (slice(1, 5), slice(1, 5))
    if not mask_on_top:
        labels[4, 4:6] = labels[5, 5:7] = 1
        labels[square] = 2
    else:
        labels[square] = 1
        labels[4, 4:6] = labels[5, 5:7] = 2
    return labels


def test_polygons_and_masks(write, tmp_path):
    (video,) = write(IMAGE.format(SQUARE.format(z=0) + MASK))
    assert video.name == "a" and video.categories == {1: "dog", 2: "cat"}
    assert video.frames[0].image == tmp_path / "images" / "a.jpg"
    np.testing.assert_array_equal(labels_of(video), expected(mask_on_top=True))


@pytest.mark.parametrize("name", ["a/..", ".", ""])
def test_name_of_a_folder(write, name):
    with pytest.raises(InputError, match="every image needs name, width and height"):
        list(write(IMAGE.replace("a.jpg", name).format(MASK)))


def test_z_order(write):
    (video,) = write(IMAGE.format(SQUARE.format(z=3) + MASK))
    np.testing.assert_array_equal(labels_of(video), expected(mask_on_top=False))


def test_groups_are_one_object(write):
    grouped = (SQUARE.format(z=0) + MASK).replace("label", 'group_id="5" label')
    (video,) = write(IMAGE.format(grouped))
    np.testing.assert_array_equal(labels_of(video), expected(mask_on_top=True) > 0)
    assert video.categories == {1: "dog"}


def test_other_shapes_are_left_out(write):
    box = '<box label="x" xtl="0" ytl="0" xbr="3" ybr="3"/><tag label="day"/>'
    with pytest.warns(UserWarning, match="left out, shapes without an area"):
        (video,) = write(IMAGE.format(SQUARE.format(z=0) + box))
    assert labels_of(video).max() == 1


def test_images_of_projects_and_in_other_folders(write, tmp_path):
    image = IMAGE.format(SQUARE.format(z=0)).replace("width", 'subset="train" width')
    (tmp_path / "images").rename(tmp_path / "train")
    (tmp_path / "images").mkdir()
    (tmp_path / "train").rename(tmp_path / "images" / "train")
    (video,) = write(image)
    assert video.name == "train/a"
    assert video.frames[0].image == tmp_path / "images" / "train" / "a.jpg"
    assert [v.name for v in write(image, images=tmp_path / "images" / "train")] == ["a"]


def test_same_name_in_two_subsets(write, tmp_path):
    images = ""
    for subset in ("train", "val"):
        write_frames(tmp_path / "images" / subset, ["a"])
        images += IMAGE.format(MASK).replace("width", f'subset="{subset}" width', 1)
    videos = write(images + IMAGE.format(MASK))  # and one without a subset
    assert [video.name for video in videos] == ["train/a", "val/a", "a"]
    places = [video.frames[0].image.relative_to(tmp_path / "images") for video in videos]
    assert [place.as_posix() for place in places] == ["train/a.jpg", "val/a.jpg", "a.jpg"]


@pytest.mark.parametrize("suffix", [".PNG", ".jpg"])
def test_names_without_suffix(write, tmp_path, suffix):
    """As in exports of video tasks."""
    write_frames(tmp_path / "images", ["cut.1_frame_000000"], suffix)
    (video,) = write(IMAGE.replace("a.jpg", "cut.1_frame_000000").format(MASK))
    assert video.name == "cut.1_frame_000000"
    assert video.frames[0].image == tmp_path / "images" / f"cut.1_frame_000000{suffix}"


def test_missing_images_with_dots_in_their_names(write):
    images = [IMAGE.replace("a.jpg", f"cut.1_frame_00000{n}").format(MASK) for n in range(2)]
    with pytest.raises(InputError, match=r"images/cut\.1_frame_000000: no such image"):
        write("".join(images))


def test_errors(write, tmp_path):
    def error(content):
        with pytest.raises(InputError) as caught:
            write(content)
        return str(caught.value)

    file = tmp_path / "annotations.xml"
    assert error('<track id="0"/>') == (
        f'{file}: is a CVAT for video file; export the task as "CVAT for images 1.1".'
    )
    assert "has no annotations of images; export" in error("")
    assert "is not valid XML; is it cut off?" in error("<image>")
    assert "every image needs name, width and height. (KeyError: 'name')" in error("<image/>")
    assert error(IMAGE.format("<polygon/>")) == (
        "annotations.xml: a.jpg: shape 1: is malformed ('points')"
    )
    assert "shape 1: is malformed (could not convert" in error(
        IMAGE.format('<polygon points="1,x"/>')
    )
    assert "a.jpg: its shapes are malformed. (ValueError: " in error(
        IMAGE.format(SQUARE.format(z="x"))
    )
    assert "every image needs name" in error(IMAGE.format(MASK).replace("a.jpg", ""))
    assert "must be those of" in error(IMAGE.format(MASK).replace('width="8"', 'width="70000"'))
    outside = MASK.replace('left="4"', 'left="6"')
    assert error(IMAGE.format(outside)).endswith("shape 1: its box must lie within the image.")
    short = MASK.replace("0, 2, 2, 2", "0, 2")
    assert "run lengths must add up to 6 pixels. Received: 2" in error(IMAGE.format(short))
    assert "b.jpg: no such image, but" in error(
        IMAGE.format(SQUARE.format(z=0)).replace("a.jpg", "b.jpg")
    )
    with pytest.raises(InputError, match=r"no such file; give annotations\.xml of the export"):
        read_cvat(tmp_path / "none.xml")
