"""`ytvos-bench online` with stubs for the model and Segmenter."""

import json

import numpy as np
import pytest
from PIL import Image

import ytvos_keras
from ytvos_keras.cli.bench import main
from ytvos_keras.inference.adaptation.config import ONLINE_LEARNING
from ytvos_keras.media.masks import write_mask

MASK = np.array([[1, 1, 0, 0]] * 4, "uint8")


class Follower:
    """Predicts the whole frame, or the first mask with online learning at seed 0."""

    def __init__(self, model, size=None, *, online_learning=None):
        assert (model, size) == ("the model", (4, 4))
        self.learning = online_learning

    def reset(self):
        self.first = None

    def add_objects(self, label_map):
        self.first = label_map
        return [1]

    def step(self, frame):
        found = self.learning and self.learning.seed == 0
        return self.first if found else np.ones_like(self.first)


@pytest.fixture
def videos(tmp_path):
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t in range(4):
        Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(frames / f"{t:05}.png")
        write_mask(annotations / f"{t:05}.png", MASK)
    return tmp_path


def test_online(videos, monkeypatch, capsys):
    monkeypatch.setattr(ytvos_keras, "load", lambda name: "the model", raising=False)
    monkeypatch.setattr(ytvos_keras, "Segmenter", Follower, raising=False)
    path = videos / "online.json"
    options = ["--sequences", "set/clip", "--learning", "cheap,paper", "--size", "4x4"]
    assert main(["online", str(videos), *options, "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert [(row["sequence"], row["learning"]) for row in content["rows"]] == [
        (sequence, learning)
        for sequence in ("set/clip", "all")
        for learning in ("none", "cheap", "paper")
    ]
    assert [row["J_percent"] for row in content["rows"]] == [50, 100, 100] * 2
    assert {row["objects"] for row in content["rows"]} == {1}
    assert all(row["frame_s"] >= 0 for row in content["rows"])
    assert content["figures"] == {"gain_of_cheap": 50, "gain_of_paper": 50}
    printed = capsys.readouterr().out
    assert "cheap: J +50.0" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_every_seed_counts(videos, monkeypatch, capsys):
    monkeypatch.setattr(ytvos_keras, "load", lambda name: "the model", raising=False)
    monkeypatch.setattr(ytvos_keras, "Segmenter", Follower, raising=False)
    path = videos / "online.json"
    options = ["--sequences", "set/clip", "--learning", "cheap", "--seeds", "0,3", "--size", "4x4"]
    assert main(["online", str(videos), *options, "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    rows = [row for row in content["rows"] if row["sequence"] == "all"]
    assert [(row["learning"], row["seed"], row["J_percent"]) for row in rows] == [
        ("none", None, 50),
        ("cheap", 0, 100),
        ("cheap", 3, 50),
    ]
    assert content["figures"] == {"gain_of_cheap": 25}
    assert "cheap: J +25.0, F +" in (printed := capsys.readouterr().out)
    assert "(mean of 2 seeds)" in " ".join(printed.split())


def test_non_numeric_seed_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as error:
        main(["online", "videos", "--sequences", "set/clip", "--seeds", "0,-1"])
    assert error.value.code == 2
    assert "must be a whole number of at least 0. Received: '-1'" in capsys.readouterr().err


def test_unknown_setting_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as error:
        main(["online", "videos", "--sequences", "set/clip", "--learning", "slow"])
    assert error.value.code == 2
    assert f"choose from {', '.join(ONLINE_LEARNING)}. Received: 'slow'" in capsys.readouterr().err
