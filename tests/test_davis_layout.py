import numpy as np
import pytest
from mask_folders import write_sequences

from ytvos_keras.datasets.davis_layout import open_davis, read_image_set
from ytvos_keras.datasets.sequence_folders import (
    check_sequence_folders,
    list_sequences,
    mask_files,
    picture_files,
)
from ytvos_keras.errors import InputError

MASK = np.ones((2, 2), np.uint8)


@pytest.mark.parametrize("level", ["480p", "Full-Resolution", ""])
def test_root_with_and_without_a_resolution_folder(tmp_path, level):
    write_sequences(tmp_path / "Annotations" / level, {"dog": [MASK], "bear10": [MASK]})
    layout = open_davis(tmp_path)
    assert layout.annotations == tmp_path / "Annotations" / level
    assert layout.frames is None
    (tmp_path / "JPEGImages" / level / "dog").mkdir(parents=True)
    layout = open_davis(str(tmp_path))
    assert layout.frames == tmp_path / "JPEGImages" / level
    assert layout.sequences() == ["bear10", "dog"]


def test_480p_is_preferred(tmp_path):
    for level in ("480p", "Full-Resolution"):
        (tmp_path / "Annotations" / level).mkdir(parents=True)
    assert open_davis(tmp_path).annotations == tmp_path / "Annotations" / "480p"


def test_plain_folder_of_sequence_folders(tmp_path):
    write_sequences(tmp_path, {"s10": [MASK], "s9": [MASK], ".hidden": [MASK]})
    (tmp_path / "notes").mkdir()
    layout = open_davis(tmp_path)
    assert (layout.annotations, layout.frames) == (tmp_path, None)
    assert layout.sequences() == ["s9", "s10"]


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="no: no such folder"):
        open_davis(tmp_path / "no")
    (tmp_path / "masks.zip").write_text("")
    with pytest.raises(InputError, match=r"masks.zip: is a file, not a folder \(unpack an"):
        open_davis(tmp_path / "masks.zip")


def write_set(root, folder, text, split="val"):
    file = root / "ImageSets" / folder / f"{split}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


PAIRS = """\
/JPEGImages/480p/dog/00000.jpg /Annotations/480p/dog/00000.png
/JPEGImages/480p/dog/00001.jpg /Annotations/480p/dog/00001.png

/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png
"""


def test_image_sets_of_names_and_of_paths(tmp_path):
    write_set(tmp_path, "480p", PAIRS)
    assert read_image_set(tmp_path, 2016, "val") == ["dog", "bear"]
    write_set(tmp_path, "2016", "bear\n\ndog \n")
    assert read_image_set(tmp_path, 2016, "val") == ["bear", "dog"]  # distributed with DAVIS 2017
    write_set(tmp_path, "2017", "cat\r\n black cat \r\ncat\r\n")
    assert read_image_set(tmp_path, 2017, "val") == ["cat", "black cat"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "contains no names of sequences."),
        (
            "dog\na/b/c d\n",
            "line 2 must be the name of a sequence, or the paths of a frame and of its mask. "
            "Received: 'a/b/c d'",
        ),
        ("/J/dog/0.jpg /A/cat/0.png", "line 1 must be"),
        ("/J/dog/0.jpg", "line 1 must be"),
    ],
)
def test_malformed_image_sets(tmp_path, text, message):
    file = write_set(tmp_path, "2017", text)
    with pytest.raises(InputError) as error:
        read_image_set(tmp_path, 2017, "val")
    assert str(error.value).startswith(f"{file}: {message}")


def test_image_set_with_a_byte_order_mark(tmp_path):
    write_set(tmp_path, "2017", "").write_text("dog\n", encoding="utf-8-sig")
    assert read_image_set(tmp_path, 2017, "val") == ["dog"]


def test_image_set_that_is_not_text(tmp_path):
    write_set(tmp_path, "2017", "").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"val.txt: is not text"):
        read_image_set(tmp_path, 2017, "val")


def test_missing_split_error_lists_the_available_splits(tmp_path):
    with pytest.raises(InputError, match="no split 'val'; name the sequences instead"):
        read_image_set(tmp_path, 2017, "val")
    write_set(tmp_path, "2017", "dog", "train")
    write_set(tmp_path, "2017", "dog", "test-dev")
    with pytest.raises(InputError, match=r"2017/val.txt: .* available: test-dev, train\.$"):
        read_image_set(tmp_path, 2017, "val")


@pytest.mark.parametrize(("year", "folder", "other"), [(2017, "480p", 2016), (2016, "2017", 2017)])
def test_split_of_another_year(tmp_path, year, folder, other):
    write_set(tmp_path, folder, PAIRS)
    rest = "name the sequences instead"
    message = rf"so no split 'val'; there is one of {other}; of {year}, {rest}\.$"
    with pytest.raises(InputError, match=message):
        read_image_set(tmp_path, year, "val")


def level_error(folder, names=None):
    with pytest.raises(InputError) as error:
        if names is None:
            list_sequences(folder)
        else:
            check_sequence_folders(folder, names)
    assert str(error.value).startswith(f"{folder}")
    return str(error.value)


def test_wrong_folder_level_error_gives_the_right_folder(tmp_path):
    masks = tmp_path / "masks" / "Annotations" / "480p"
    write_sequences(masks, {"dog": [MASK], "bear": [MASK]})
    further_down = f"the folders of the sequences are further down; give {masks} instead."
    for wrong in (masks.parent, masks.parent.parent):
        assert level_error(wrong, ["bear", "cat"]).endswith(further_down)
        assert level_error(wrong).endswith(further_down)
    above = f"dog: contains masks itself; give its parent folder, {masks}, in which each folder "
    above += "has the name of its sequence."
    assert level_error(masks / "dog", ["dog"]).endswith(above)
    assert level_error(masks / "dog").endswith(above)
    write_sequences(masks.parent / "Full-Resolution", {"dog": [MASK]})
    one_of = f"give one of {masks}, {masks.parent / 'Full-Resolution'} instead."
    assert level_error(masks.parent).endswith(one_of)
    assert level_error(masks.parent, ["bear"]).endswith(further_down)
    (tmp_path / "empty").mkdir()
    assert "no folder in it contains masks (PNG)" in level_error(tmp_path / "empty")


def test_missing_sequences(tmp_path):
    write_sequences(tmp_path, {"dog": [MASK]})
    check_sequence_folders(tmp_path, ["dog"])
    message = level_error(tmp_path, ["dog", "bear", "cat", "fox"])
    assert message.startswith(f"{tmp_path / 'bear'}: no such folder (and 2 more); every sequence")
    assert level_error(tmp_path, ["cat"]).startswith(f"{tmp_path / 'cat'}: no such folder; every")


def test_files_by_name(tmp_path):
    write_sequences(tmp_path, {"dog": {"10": MASK, "9": MASK}})
    (tmp_path / "dog" / "9.jpg").write_text("")
    (tmp_path / "dog" / "11.JPG").write_text("")
    with pytest.warns(UserWarning, match=r"9\.jpg: not used as a mask, because there is a PNG of"):
        masks = mask_files(tmp_path / "dog")
    assert [file.name for file in masks.values()] == ["9.png", "10.png", "11.JPG"]
    files = picture_files(tmp_path / "dog")
    assert list(files) == ["9", "10", "11"]
    assert files["9"].name == "9.png"
    assert files["11"].name == "11.JPG"
