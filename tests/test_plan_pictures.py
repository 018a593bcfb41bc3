import numpy as np
import pytest
from mask_folders import blocks, half, write_meta, write_sequences
from PIL import Image

from ytvos_keras.evaluation.evaluation_plan import plan_evaluations
from ytvos_keras.evaluation.plan_pictures import plan_pictures


@pytest.fixture
def root(tmp_path):
    """DAVIS with frames 00000.jpg and 00001.JPG; frame 00002 is missing."""
    write_sequences(tmp_path / "Annotations", {"dog": [blocks(1, 2)] * 3})
    write_sequences(tmp_path / "ours", {"dog": [half(2)] * 3})
    frames = tmp_path / "JPEGImages" / "dog"
    frames.mkdir(parents=True)
    for name, level in (("00000.jpg", 50), ("00001.JPG", 100)):
        Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(frames / name)
    return tmp_path


def pictures_of(root, protocol):
    plan = plan_evaluations({"": root / "ours"}, root, protocol)[""]
    return plan_pictures({"ours": plan})["dog"]


def test_frames_and_masks_are_found(root):
    pictures = pictures_of(root, "davis2017")
    assert pictures.first == "00000"
    np.testing.assert_array_equal(pictures.truth("00001"), blocks(1, 2))
    np.testing.assert_array_equal(pictures.predictions["ours"]("00001"), half(2))
    assert [pictures.frame(name).mean() for name in ("00000", "00001")] == [50, 100]
    assert pictures.frame("00002") is None


def test_masks_follow_the_protocol(root):
    pictures = pictures_of(root, "davis2016")
    np.testing.assert_array_equal(pictures.truth("00001"), np.minimum(blocks(1, 2), 1))
    np.testing.assert_array_equal(pictures.predictions["ours"]("00001"), half(2) // 2)


def test_objects_that_are_not_scored_have_no_outline(root):
    """Object 3 appears after the first mask, so davis2017 does not score it."""
    write_sequences(root / "Annotations", {"dog": {"00001": blocks(1, 2, 3)}})
    truth = pictures_of(root, "davis2017").truth("00001")
    np.testing.assert_array_equal(truth, blocks(1, 2))
    assert truth.dtype == np.uint8


def test_sequence_without_masks(tmp_path):
    write_meta(tmp_path / "meta.json", {"dog": {"1": (None, ["00000", "00001"])}, "cat": {}})
    for folder in ("Annotations", "ours"):
        write_sequences(tmp_path / folder, {"dog": [blocks(1)] * 2, "cat": []})
    with pytest.warns(UserWarning, match="nothing to score in cat: "):
        plan = plan_evaluations({"": tmp_path / "ours"}, tmp_path, "youtube-vos")[""]
    pictures = plan_pictures({"ours": plan})
    assert {name: each.first for name, each in pictures.items()} == {"dog": "00000", "cat": ""}


def test_missing_frame_folder(root):
    (root / "JPEGImages").rename(root / "elsewhere")
    assert pictures_of(root, "davis2017").frame("00000") is None
