"""Fine-tuning: which videos are held out, and a complete run from the bundled weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
from records import moving_squares, write_records

from ytvos_keras.cli.train import main
from ytvos_keras.data.record_store import open_records
from ytvos_keras.errors import InputError
from ytvos_keras.models import load
from ytvos_keras.records.write_records import write_in_process
from ytvos_keras.training.clips import split_data
from ytvos_keras.training.recipes import RECIPES
from ytvos_keras.training.run_files import RunFiles


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """Records of square0 to square11."""
    return {str(write_records(moving_squares(12), tmp_path_factory.mktemp("twelve"))): 1.0}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Records of square0 to square2."""
    return {str(write_records(moving_squares(3), tmp_path_factory.mktemp("three"))): 1.0}


def names(data, exclude, split=None):
    found = open_records(list(data), split=split, exclude=exclude)
    return {video.name for videos in found for video in videos}


def test_a_tenth_is_held_out_if_training_and_validation_share_records(twelve, caplog):
    with caplog.at_level("INFO", "ytvos_keras"):
        split = split_data(twelve, twelve)
    trained = names(split.training, split.not_trained, "train")
    validated = names(split.validation, split.not_validated)
    assert (len(trained), len(validated)) == (11, 1)
    assert not trained & validated
    (held_out,) = validated
    assert caplog.messages == [f"validation: held out from training: {held_out}"]
    assert split.count_videos(RECIPES["paper"]) == 11
    assert split_data(twelve, dict(twelve)) == split


@pytest.mark.parametrize(
    ("named", "held_out"),
    [
        # Clips of one raw video stay together.
        (["cat_01", "cat_02", "dog_01", "dog_02"], [{"cat_01", "cat_02"}, {"dog_01", "dog_02"}]),
        # All are named alike: single videos.
        (["dog_01", "dog_02"], [{"dog_01"}, {"dog_02"}]),
        (["dog_01", "dog_02", "dog_03", "x"], [{"dog_01"}, {"dog_02"}, {"dog_03"}, {"x"}]),
    ],
)
def test_clips_of_one_video_are_held_out_together(tmp_path, named, held_out):
    squares = moving_squares(len(named))
    videos = [replace(video, name=name) for video, name in zip(squares, named, strict=True)]
    data = str(write_records(videos, tmp_path))
    assert split_data(data, data).not_trained in held_out


def test_training_videos_are_excluded_from_validation(twelve, three):
    split = split_data(three, twelve)
    assert names(split.training, split.not_trained, "train") == {"square0", "square1", "square2"}
    assert names(split.validation, split.not_validated) == {f"square{n}" for n in range(3, 12)}


def test_nothing_is_held_out_if_the_records_have_another_split(tmp_path, caplog):
    videos = moving_squares(5)
    write_in_process(videos[:3], tmp_path, split="train", source="test")
    write_in_process(videos[3:], tmp_path, split="validation", source="test")
    with caplog.at_level("INFO", "ytvos_keras"):
        split = split_data({str(tmp_path): 1.0}, {str(tmp_path): 1.0})
    assert caplog.messages == []
    assert names(split.training, split.not_trained, "train") == {"square0", "square1", "square2"}
    assert names(split.validation, split.not_validated) == {"square3", "square4"}


def test_single_video_cannot_be_trained_and_validated_on(tmp_path):
    data = {str(write_records(moving_squares(1), tmp_path)): 1.0}
    with pytest.raises(InputError, match="its only video is used for training; give other records"):
        split_data(data, data)
    assert split_data(data, None).count_videos(RECIPES["paper"]) == 1


@pytest.mark.slow
def test_fine_tuning_the_bundled_model(three, tmp_path, capsys):
    (folder,) = three
    line = ["--recipe", "finetune", "--data", folder, "--validation", folder]
    line += ["--output", str(tmp_path / "run"), "--steps", "2", "--clip-length", "2"]
    line += ["--size", "32x64", "--batch-size", "1", "--quiet"]
    assert main(line) == 0
    files = RunFiles(tmp_path / "run")
    described = json.loads(files.run_json.read_text())
    assert (described["weights"], described["backbone_weights"]) == ("s2s-lite", None)
    before, after = load("s2s-lite"), load(files.best)
    assert after.config == before.config
    for part in ("encoder", "decoder"):
        pairs = zip(getattr(before, part).weights, getattr(after, part).weights, strict=True)
        changes = [np.abs(a.numpy() - b.numpy()).max() for a, b in pairs]
        assert 0 < max(changes) < 0.01
    backbones = (before.encoder.backbone, after.encoder.backbone)
    for a, b in zip(*(backbone.get_weights() for backbone in backbones), strict=True):
        np.testing.assert_array_equal(a, b)
