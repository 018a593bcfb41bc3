import base64
import io
import json

import numpy as np
import pytest
from frame_folders import write_frames
from PIL import Image

pytest.importorskip("pycocotools")

from ytvos_keras.datasets.label_values import decode_labels
from ytvos_keras.datasets.readers.labelme import read_labelme
from ytvos_keras.errors import InputError

SQUARE = {"label": "dog", "points": [[1, 1], [5, 1], [5, 5], [1, 5]], "shape_type": "polygon"}
CORNER = {"label": "cat", "points": [[4, 4], [7, 7]], "shape_type": "rectangle"}


def save(folder, *shapes, stem="a", image_path="a.jpg"):
    content = {"shapes": shapes, "imagePath": image_path, "imageHeight": 8, "imageWidth": 8}
    (folder / f"{stem}.json").write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path):
    write_frames(tmp_path, ["a"])
    return tmp_path


def labels_of(folder):
    (video,) = read_labelme(folder)
    return decode_labels(video.frames[0].mask.read_bytes(), "mask")


def block(top, left, height, width, label=1):
    labels = np.zeros((8, 8), np.uint8)
    labels[top : top + height, left : left + width] = label
    return labels


def test_later_shapes_are_drawn_over_earlier_ones(folder):
    save(folder, CORNER, SQUARE)
    (video,) = read_labelme(folder)
    assert video.name == "a" and video.categories == {1: "cat", 2: "dog"}
    assert video.frames[0].image == folder / "a.jpg"
    expected = block(4, 4, 3, 3)
    expected[1:5, 1:5] = 2
    np.testing.assert_array_equal(labels_of(folder), expected)


def test_shapes_of_a_group_are_one_object(folder):
    save(
        folder,
        {**SQUARE, "group_id": 3},
        {**CORNER, "group_id": 3},
        {**CORNER, "label": "dog", "group_id": 3},
    )
    expected = block(1, 1, 4, 4)
    expected[4:7, 4:7] = 1
    np.testing.assert_array_equal(labels_of(folder), expected)
    assert read_labelme(folder)[0].categories == {1: "dog", 2: "cat"}


def test_hidden_files_are_skipped(folder):
    save(folder, SQUARE)
    (folder / "._a.json").write_bytes(b"\x00\x05\x16\x07")  # AppleDouble, from macOS
    (folder / ".ipynb_checkpoints").mkdir()
    save(folder / ".ipynb_checkpoints", SQUARE, stem="a-checkpoint")
    assert [video.name for video in read_labelme(folder)] == ["a"]


@pytest.mark.parametrize("kind", ["rectangle", "rotation"])
def test_rectangles_of_four_corners(folder, kind):
    save(folder, {**SQUARE, "shape_type": kind})
    np.testing.assert_array_equal(labels_of(folder), block(1, 1, 4, 4))


def test_circles_and_masks(folder):
    save(folder, {"label": "ball", "points": [[4, 4], [4, 6]], "shape_type": "circle"})
    circle = labels_of(folder)
    assert circle[2:6, 3:5].all() and circle.sum() == 12
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 3), True)).save(buffer, "PNG")
    mask = {
        "label": "x",
        "shape_type": "mask",
        "mask": base64.b64encode(buffer.getvalue()).decode(),
    }
    save(folder, {**mask, "points": [[5, 6], [7, 7]]})
    np.testing.assert_array_equal(labels_of(folder), block(6, 5, 2, 3))
    save(folder, {**mask, "points": [[-1, 7], [1, 8]]})
    np.testing.assert_array_equal(labels_of(folder), block(7, 0, 1, 2))


def test_points_and_lines_are_left_out(folder):
    save(folder, SQUARE, {"label": "x", "points": [[1, 1]], "shape_type": "point"})
    with pytest.warns(
        UserWarning, match=r"left out, shapes without an area \(boxes, lines, points"
    ):
        np.testing.assert_array_equal(labels_of(folder), block(1, 1, 4, 4))


def test_subfolders_and_moved_images(folder):
    below = folder / "day2"
    write_frames(below, ["x10", "x9"])
    save(below, SQUARE, stem="x10", image_path="..\\old\\x10.jpg")
    save(below, SQUARE, stem="x9", image_path="x9.jpg")
    save(folder, SQUARE)
    assert [video.name for video in read_labelme(folder)] == ["a", "day2/x9", "day2/x10"]
    assert [video.name for video in read_labelme(folder, exclude=["day2"])] == ["a"]


def test_linked_subfolders(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_frames(elsewhere, ["x"])
    save(elsewhere, SQUARE, stem="x", image_path="x.jpg")
    (folder / "day1").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    save(folder, SQUARE)
    assert [video.name for video in read_labelme(folder)] == ["a", "day1/x"]


def test_errors(folder, tmp_path):
    def error():
        with pytest.raises(InputError) as caught:
            read_labelme(folder)
        return str(caught.value)

    assert error() == f"{folder}: contains no JSON files; give the folder that labelme saved to."
    (folder / "a.json").write_text("{}")
    assert error().startswith(f"{folder}/a.json: is not a labelme file; expected shapes, imagePath")
    save(folder, {"points": []})
    assert error() == f"{folder}/a.json: shape 0: is malformed. (KeyError: 'label')"
    save(folder, {**SQUARE, "label": 7})
    assert error() == f"{folder}/a.json: a category must be a name. Received: 7"
    save(folder)
    (folder / "a.json").write_text((folder / "a.json").read_text().replace("[]", "null"))
    assert error().startswith(f"{folder}/a.json: its shapes are malformed. (TypeError: ")
    save(folder, {**SQUARE, "shape_type": "mask", "mask": "?"})
    assert error() == f"{folder}/a.json: shape 0: its mask is not base64."
    save(folder, {**CORNER, "points": [[1, 1]]})
    assert error().startswith(f"{folder}/a.json: shape 0: is malformed. (ValueError: ")
    save(folder, SQUARE, stem="b", image_path="b.jpg")
    save(folder, SQUARE)
    assert error().startswith(f"{folder}/b.jpg: no such image, but {folder} annotates it")
