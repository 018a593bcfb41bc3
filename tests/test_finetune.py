"""Fine-tuning: which videos are held out, and a complete run from the bundled weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
from models_helper import bundled_model
from records import make_video, moving_squares, write_records
from tiny_training import validate_briefly

from ytvos_keras.cli.train import main
from ytvos_keras.data import sampling
from ytvos_keras.data.record_store import open_records
from ytvos_keras.errors import InputError
from ytvos_keras.models import load
from ytvos_keras.records.index import read_index
from ytvos_keras.records.write_records import write_in_process
from ytvos_keras.training import clips
from ytvos_keras.training.clips import RunData, split_data, warn_of_unsuitable_videos
from ytvos_keras.training.recipe import Stage
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


def empty(name):
    """A video without an object that is large enough to be used."""
    return make_video(name, np.zeros((4, 32, 64, 3), np.uint8), np.zeros((4, 32, 64), np.uint8))


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


def test_training_videos_are_excluded_from_validation(twelve, three, caplog):
    with caplog.at_level("INFO", "ytvos_keras"):
        split = split_data(three, twelve)
    assert caplog.messages == [
        "validation: left out, because they are used for training: 3 of 12 videos"
    ]
    assert names(split.training, split.not_trained, "train") == {"square0", "square1", "square2"}
    assert names(split.validation, split.not_validated) == {f"square{n}" for n in range(3, 12)}


def test_different_videos_of_the_same_name_are_trained_and_validated_on(three, tmp_path, caplog):
    squares = moving_squares(6)
    renamed = [replace(squares[n], name=f"square{n - 3}") for n in (3, 4)]
    other = str(write_records([*renamed, squares[2]], tmp_path))
    with caplog.at_level("INFO", "ytvos_keras"):
        split = split_data(three, other)
    assert (split.not_trained, split.not_validated) == (frozenset(), {"square2"})
    assert caplog.messages == [
        "validation: left out, because they are used for training: 1 of 3 videos",
        "validation: named like a training video, but kept, because the first frame differs: "
        "square0, square1",
    ]


def test_only_usable_videos_are_held_out(tmp_path):
    squares = moving_squares(2)
    unusable = [empty(f"empty{n}") for n in range(8)]
    data = str(write_records([*squares, *unusable], tmp_path / "two"))
    split = split_data(data, data)
    (held_out,) = split.not_trained
    assert held_out in {"square0", "square1"}
    assert names([data], split.not_validated) == {held_out}
    # The squares cover a sixth of the frame.
    with pytest.raises(InputError, match="contains no usable video that training can spare"):
        split_data(data, data, min_object=0.5)
    one = str(write_records([squares[0], *unusable], tmp_path / "one"))
    with pytest.raises(InputError, match="contains no usable video that training can spare"):
        split_data(one, one)


def test_validation_clips_have_the_smallest_object_of_the_recipe(three, twelve, monkeypatch):
    monkeypatch.setattr(clips, "make_dataset", lambda data, **options: options)
    for recipe in (RECIPES["paper"], replace(RECIPES["paper"], min_object=0.1)):
        options = clips.validation_clips(recipe, RunData(three, twelve))
        assert options["min_object"] == recipe.min_object


def test_validation_on_images_only_is_reported(three, tmp_path, caplog):
    square = moving_squares(1)[0]
    images = [replace(square, name=f"image{n}", frames=square.frames[n : n + 1]) for n in range(3)]
    pictures = str(write_records(images, tmp_path / "images"))
    split_data(three, pictures)
    (message,) = caplog.messages
    assert message.startswith("validation: there are only images, which stand still")
    caplog.clear()
    split_data(
        three, {pictures: 1.0, str(write_records(moving_squares(4), tmp_path / "more")): 1.0}
    )
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((64, 32), "12 of 12 training videos are landscape, but clips are 64x32; use --size 32x64"),
        ((32, 64), None),
        ((32, 32), None),
    ],
)
def test_clips_turned_against_the_videos_are_reported(twelve, caplog, size, message):
    stages = tuple(replace(stage, size=size) for stage in RECIPES["finetune"].stages)
    warn_of_unsuitable_videos(replace(RECIPES["finetune"], stages=stages), RunData(twelve))
    assert caplog.messages == ([] if message is None else [message])


def test_portrait_videos_are_reported(tmp_path, caplog):
    frames = np.zeros((2, 64, 32, 3), np.uint8)
    masks = np.ones((2, 64, 32), np.uint8)
    portrait = [make_video(f"portrait{n}", frames, masks) for n in range(2)]
    image = make_video("image", frames[:1].swapaxes(1, 2), masks[:1].swapaxes(1, 2))
    landscape = moving_squares(2)
    few = RunData(str(write_records([*portrait, *landscape[:1], image], tmp_path / "few")))
    half = RunData(str(write_records([*portrait, *landscape], tmp_path / "half")))
    for data in (half, few):
        warn_of_unsuitable_videos(RECIPES["finetune"], data)
    assert caplog.messages == [
        "2 of 3 training videos are portrait, but clips are 192x320; use --size 320x192"
    ]


def test_nothing_is_held_out_if_the_records_have_another_split(tmp_path, caplog):
    videos = moving_squares(5)
    write_in_process(videos[:3], tmp_path, split="train", source="test")
    write_in_process(videos[3:], tmp_path, split="validation", source="test")
    with caplog.at_level("INFO", "ytvos_keras"):
        split = split_data({str(tmp_path): 1.0}, {str(tmp_path): 1.0})
    assert caplog.messages == []
    assert names(split.training, split.not_trained, "train") == {"square0", "square1", "square2"}
    validated = names(split.validation, split.not_validated, clips.VALIDATION_SPLITS)
    assert validated == {"square3", "square4"}


def test_only_the_validation_split_is_validated_on(tmp_path, monkeypatch):
    videos = moving_squares(5)
    alike = replace(videos[2], name="square0")  # the name is unique in its split only
    for name, some in (("train", videos[:2]), ("val", [alike]), ("test", videos[3:])):
        write_in_process(some, tmp_path, split=name, source="test")
    split = split_data(str(tmp_path), str(tmp_path))
    assert split == RunData(str(tmp_path), str(tmp_path))
    drawn = {}
    monkeypatch.setattr(clips, "make_dataset", lambda data, **options: drawn.update(options))
    clips.validation_clips(RECIPES["finetune"], split)
    (validated,) = open_records([tmp_path], split=drawn["split"], exclude=drawn["exclude"])
    (expected,) = read_index(tmp_path, "val")
    assert validated == [expected]


def test_frames_without_annotation_are_missed_at_the_start(three, caplog):
    recipe = replace(
        RECIPES["paper"], stages=(Stage("a", steps=1), Stage("b", steps=1, frames="any"))
    )
    sampling._warn_once.cache_clear()
    warn_of_unsuitable_videos(recipe, split_data(three, None))
    assert caplog.messages == [
        'frames="any", but every frame is annotated; write the records with --all-frames '
        "(YouTube-VOS)"
    ]


def test_single_video_cannot_be_trained_and_validated_on(tmp_path):
    data = {str(write_records(moving_squares(1), tmp_path)): 1.0}
    message = "contains no usable video that training can spare; give other records"
    with pytest.raises(InputError, match=message):
        split_data(data, data)
    assert split_data(data, None).count_videos(RECIPES["paper"]) == 1


@pytest.mark.slow
def test_fine_tuning_the_bundled_model(three, tmp_path, monkeypatch):
    validate_briefly(monkeypatch.setattr)
    (folder,) = three
    line = ["--recipe", "finetune", "--data", folder, "--validation", folder]
    line += ["--output", str(tmp_path / "run"), "--steps", "2", "--clip-length", "2"]
    line += ["--size", "32x64", "--batch-size", "1", "--quiet"]
    assert main(line) == 0
    files = RunFiles(tmp_path / "run")
    described = json.loads(files.run_json.read_text())
    assert (described["weights"], described["backbone_weights"]) == ("s2s-lite", None)
    before, after = bundled_model(), load(files.best)
    assert after.config == before.config
    for part in ("encoder", "decoder"):
        pairs = zip(getattr(before, part).weights, getattr(after, part).weights, strict=True)
        changes = [np.abs(a.numpy() - b.numpy()).max() for a, b in pairs]
        assert 0 < max(changes) < 0.01
    backbones = (before.encoder.backbone, after.encoder.backbone)
    for a, b in zip(*(backbone.get_weights() for backbone in backbones), strict=True):
        np.testing.assert_array_equal(a, b)
