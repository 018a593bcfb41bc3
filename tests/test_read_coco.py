import io
import json
import pickle

import numpy as np
import pytest
from frame_folders import write_frames
from PIL import Image

pytest.importorskip("pycocotools")

from ytvos_keras.datasets.check.check_videos import check_videos
from ytvos_keras.datasets.label_values import decode_labels
from ytvos_keras.datasets.readers.coco import read_coco
from ytvos_keras.errors import InputError

SQUARE = [1, 1, 5, 1, 5, 5, 1, 5]  # corners of a 4×4 square
CORNER = [4, 4, 7, 4, 7, 7, 4, 7]  # a 3×3 square that overlaps it in one pixel


def draw(corner, size):
    labels = np.zeros((8, 8), np.uint8)
    labels[corner : corner + size, corner : corner + size] = 1
    return labels


def run_lengths(labels):
    """COCO run lengths, in column-major order."""
    pixels = labels.T.reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels, [0]]))).tolist()
    return np.diff([0, *edges, pixels.size]).tolist()


def compressed(labels):
    from pycocotools import mask

    return mask.encode(np.asfortranarray(labels))["counts"].decode()


@pytest.fixture
def write(tmp_path):
    """Return a function that writes annotations of image `a` and reads them."""
    write_frames(tmp_path / "images", ["a", "b"])

    def write(*annotations, images=("a.jpg",), **options):
        content = {
            "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
            "images": [
                {"id": 7 + i, "file_name": name, "height": 8, "width": 8}
                for i, name in enumerate(images)
            ],
            "annotations": [
                {"id": 100 + i, "image_id": 7, "category_id": 18, "iscrowd": 0, **entry}
                for i, entry in enumerate(annotations)
            ],
        }
        (tmp_path / "instances.json").write_text(json.dumps(content))
        return read_coco(tmp_path / "instances.json", tmp_path / "images", **options)

    return write


def labels_of(video):
    return decode_labels(video.frames[0].mask.read_bytes(), "mask")


def test_polygons(write, tmp_path):
    (video,) = write({"segmentation": [SQUARE]})
    assert video.name == "a" and video.categories == {1: "dog"}
    assert video.frames[0].image == tmp_path / "images" / "a.jpg"
    assert str(video.frames[0].mask) == "instances.json: a.jpg"
    np.testing.assert_array_equal(labels_of(video), draw(1, 4))
    assert check_videos([video], root=tmp_path).faults == ()


@pytest.mark.parametrize("form", [run_lengths, compressed])
def test_run_lengths(write, form):
    labels = draw(2, 3)
    (video,) = write({"segmentation": {"size": [8, 8], "counts": form(labels)}})
    np.testing.assert_array_equal(labels_of(video), labels)


def test_several_polygons_are_one_object(write):
    (video,) = write({"segmentation": [SQUARE, [6, 6, 8, 6, 8, 8, 6, 8], [1, 1, 2, 2]]})
    np.testing.assert_array_equal(labels_of(video), draw(1, 4) | draw(6, 2))


def test_smaller_objects_are_drawn_over_larger_ones(write):
    (video,) = write({"segmentation": [CORNER], "category_id": 1}, {"segmentation": [SQUARE]})
    expected = draw(1, 4)
    expected[draw(4, 3) > 0] = 2
    np.testing.assert_array_equal(labels_of(video), expected)
    assert video.categories == {1: "dog", 2: "person"}


def test_masks_are_deterministic_palette_pngs_and_picklable(write):
    (video,) = write({"segmentation": [SQUARE]})
    data = video.frames[0].mask.read_bytes()
    assert Image.open(io.BytesIO(data)).mode == "P"
    assert pickle.loads(pickle.dumps(video)).frames[0].mask.read_bytes() == data
    assert hash(video.frames[0])  # frames are used as dictionary keys


def test_omissions_are_reported(write):
    crowd = {"iscrowd": 1, "segmentation": {"size": [8, 8], "counts": [64]}}
    with pytest.warns(UserWarning) as warned:
        videos = write(
            {"segmentation": [SQUARE]}, crowd, {"segmentation": []}, images=("a.jpg", "b.jpg")
        )
    assert [video.name for video in videos] == ["a"]
    np.testing.assert_array_equal(labels_of(videos[0]), draw(1, 4))
    texts = [str(warning.message).partition(": ")[2] for warning in warned]
    assert texts == [
        "left out, crowds (iscrowd: 1) in a.jpg; CVAT exports brush masks as crowds: --crowds (in "
        "Python: crowds=True) treats them as objects.",
        "left out, no object in b.",
        "left out, shapes without an area (boxes, lines, points) in a.",
    ]
    with pytest.raises(InputError, match=r"no object with an outline in any of 1 images\.$"):
        write({"bbox": [0, 0, 2, 2]})


def test_annotation_of_an_unknown_image(write):
    with pytest.raises(InputError, match=r"json: annotation 100 belongs to image 9, which is not"):
        write({"segmentation": [SQUARE], "image_id": 9})


def test_names_and_selection(write, tmp_path):
    write_frames(tmp_path / "images" / "train", ["c"])
    square = {"segmentation": [SQUARE]}
    videos = write(square, {**square, "image_id": 8}, images=("a.jpg", "train/c.jpg"))
    assert [video.name for video in videos] == ["a", "train/c"]
    assert videos[1].frames[0].name == "c"
    (video,) = write(square, {**square, "image_id": 8}, images=("a.jpg", "x.jpg"), exclude=["x"])
    assert video.name == "a"


ERRORS = {
    "a.jpg: annotation 100: a polygon must be a list of an even number": {
        "segmentation": [[1, 2, 3]]
    },
    "a.jpg: annotation 100: a polygon must be a list of an even numbe": {
        "segmentation": [[1, 2, None, 4, 5, 6]]
    },
    "a.jpg: annotation 100: run lengths must have the image's size": {
        "segmentation": {"size": [4, 8], "counts": [32]}
    },
    "a.jpg: annotation 100: run lengths must add up to 64 pixels. Rec": {
        "segmentation": {"size": [8, 8], "counts": [3]}
    },
    "a.jpg: annotation 100: run lengths must be whole numbers from 0,": {
        "segmentation": {"size": [8, 8], "counts": [65, -1]}
    },
    "a.jpg: annotation 100: compressed run lengths are malformed. Rec": {
        "segmentation": {"size": [8, 8], "counts": "abc"}
    },
    "a.jpg: annotation 100: the outline of a polygon must have at mo": {
        "segmentation": [[0, 0, 1e6, 1e6] * 3]
    },
    "a.jpg: annotation 100: a segmentation must be polygons or run le": {"segmentation": "x"},
    "a.jpg: its shapes are malformed. (TypeError: unhashable type": {
        "segmentation": [SQUARE],
        "category_id": [],
    },
    "a.jpg: annotation 100: a polygon must be a list of an even number of coordinates x, y in "
    "pixels, 1,000,000 at most. Received: [1, 1, 1e+20": {"segmentation": [[1, 1, 1e20, 1, 5, 5]]},
}


@pytest.mark.parametrize("message", ERRORS)
def test_malformed_annotations(write, message):
    with pytest.raises(InputError) as caught:
        write(ERRORS[message])
    assert str(caught.value).startswith(f"instances.json: {message}")


@pytest.mark.parametrize(
    "text", ["", "0", "o", "11o", "1" * 63, "é", "éa1", "00", "0\x00", "o" * 40 + "1"]
)
def test_compressed_run_lengths_that_overrun_pycocotools(write, text):
    with pytest.raises(InputError, match="compressed run lengths are malformed"):
        write({"segmentation": {"size": [8, 8], "counts": text}})


def test_compressed_run_lengths_of_random_masks(write):
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 0.98):
        labels = (rng.random((8, 8)) < share).astype(np.uint8)
        labels[3, 3] = 1
        segmentation = {"size": [8, 8], "counts": compressed(labels)}
        (video,) = write({"segmentation": segmentation})
        png = video.frames[0].mask.read_bytes()
        np.testing.assert_array_equal(decode_labels(png, "a"), labels)


def test_names_outside_the_folder(write):
    for name in ("../a.jpg", "/etc/a.jpg", "x/../../a.jpg", "..\\a.jpg", "C:\\a.jpg", "C:a.jpg"):
        with pytest.raises(InputError, match="leads out of the folder; give the folder that"):
            write({"segmentation": [SQUARE]}, images=(name,))


def test_image_size_is_checked_before_drawing(write, tmp_path):
    content = {
        "categories": [],
        "images": [{"id": 1, "file_name": "a.jpg", "height": 65535, "width": 65535}],
        "annotations": [{"id": 1, "image_id": 1, "segmentation": [SQUARE]}],
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"must be those of .*a\.jpg, \(8, 8\)\. Received: \(65535"
    ):
        read_coco(tmp_path / "c.json", tmp_path / "images")


def test_malformed_files(write, tmp_path):
    file = tmp_path / "instances.json"
    for content, message in {
        "[]": "is not a COCO file of instances; expected images, annotations and categories",
        '{"images": []}': "is not a COCO file of instances",
        '{"images": [{"id": 1}], "annotations": []}': "KeyError: 'file_name'",
        '{"images": [{"id": 1, "file_name": ""}], "annotations": []}': "not a file name: ''",
        '{"images": [{"id": 1}, {"id": 1}], "annotations": []}': "two images have the same id",
        "[" * 100_000: "is nested too deeply",
        '{"images": NaN}': "is not valid JSON: it contains NaN",
        '{"images"': "is not valid JSON; is it cut off",
    }.items():
        file.write_text(content)
        with pytest.raises(InputError, match=message):
            read_coco(file, tmp_path)
    with pytest.raises(InputError, match=r"none.json: no such file\.$"):
        read_coco(tmp_path / "none.json", tmp_path)
    square = {"segmentation": [SQUARE]}
    with pytest.raises(InputError, match=r"images/x.jpg: no such image \(and 1 more\), but "):
        write(square, images=("x.jpg", "y.jpg"))
    with pytest.raises(InputError, match=r"instances\.json: a\.png: 'a' appears twice; rename one"):
        write(square, images=("a.jpg", "a.png"))
    with pytest.raises(InputError, match=r"a\.jpg: 255 objects, but a mask holds at most 254; exc"):
        write(*[square] * 255)
    content = json.loads(file.read_text())
    content["images"][0]["height"] = None
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"a.jpg, \(8, 8\). Received: \(None, 8\)"):
        read_coco(file, tmp_path / "images")


@pytest.mark.parametrize(("value", "shape"), [('"dog"', SQUARE), ("100", [1])])
def test_lists_in_lists_where_a_name_or_an_id_belongs(write, tmp_path, value, shape):
    write({"segmentation": [SQUARE]})
    file = tmp_path / "instances.json"
    text = file.read_text().replace(json.dumps(SQUARE), json.dumps(shape))
    file.write_text(text.replace(value, "[" * 1010 + "]" * 1010))
    with pytest.raises(InputError, match=r"instances\.json: a\.jpg: .*\[\[\.\.\.\]\]") as error:
        read_coco(file, tmp_path / "images")
    assert len(str(error.value)) < 300


def test_without_pycocotools(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(InputError, match=r"run: pip install 'ytvos-keras\[annotations\]'$"):
        write({"segmentation": [SQUARE]})


def test_windows_paths_and_encoding(write, tmp_path):
    write({"segmentation": [SQUARE]})
    file = tmp_path / "instances.json"
    text = file.read_text().replace('"a.jpg"', '"images\\\\a.jpg"')
    file.write_text(text, encoding="utf-8-sig")
    (video,) = read_coco(file, tmp_path)
    assert video.name == "images/a"
    assert video.frames[0].image == tmp_path / "images" / "a.jpg"


def test_crowds_are_included_on_request(write):
    brush = {"iscrowd": 1, "segmentation": {"size": [8, 8], "counts": run_lengths(draw(2, 3))}}
    (video,) = write(brush, crowds=True)
    np.testing.assert_array_equal(labels_of(video), draw(2, 3))


def test_names_with_a_colon(write, tmp_path):
    write_frames(tmp_path / "images", ["12:30"])
    (video,) = write({"segmentation": [SQUARE]}, images=("12:30.jpg",))
    assert video.name == "12:30"
