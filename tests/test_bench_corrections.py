"""`ytvos-bench corrections` with stubs for the model and Segmenter."""

import json

import numpy as np
import pytest
from PIL import Image

import ytvos_keras
from ytvos_keras.cli.bench import main
from ytvos_keras.media.masks import ids_in, write_mask

SIZE = (4, 8)


def truth(t):
    labels = np.zeros(SIZE, "uint8")
    labels[:2, t // 2 : t // 2 + 4], labels[3, :4] = 1, 2
    return labels


class Follower:
    """Repeats the union of the given masks, which is right for object 2 and drifts for object 1."""

    def __init__(self, model, size=None):
        assert (model, size) == ("the model", (4, 8))

    def reset(self):
        self.video = np.zeros(SIZE, "uint8")

    def add_objects(self, labels):
        assert labels.any()
        self.video = np.maximum(self.video, labels)
        return ids_in(labels)

    def restore(self, video):
        self.video = video

    def step(self, frame):
        return self.video


@pytest.fixture
def videos(tmp_path):
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t in range(9):
        Image.fromarray(np.zeros((*SIZE, 3), "uint8")).save(frames / f"{t:05}.png")
        if t != 3:
            write_mask(annotations / f"{t:05}.png", truth(t))
    return tmp_path


@pytest.fixture
def bench(videos, monkeypatch):
    monkeypatch.setattr(ytvos_keras, "load", lambda name: "the model", raising=False)
    monkeypatch.setattr(ytvos_keras, "Segmenter", Follower, raising=False)

    def run(*options):
        path = videos / "report.json"
        command = ["corrections", str(videos), "--sequences", "set/clip", "--size", "4x8"]
        assert main([*command, *options, "--json", str(path)]) == 0
        return json.loads(path.read_text())

    return run


def mean_j(given, frames):
    """Mean J of object 1 in `frames` if the union of its masks in `given` frames is repeated."""
    union = np.any([truth(t) == 1 for t in given], axis=0)
    masks = [truth(t) == 1 for t in frames]
    return 100 * np.mean([(union & mask).sum() / (union | mask).sum() for mask in masks])


def test_corrections(bench, capsys):
    content = bench()
    assert [(row["mask"], row["object"]) for row in content["rows"]] == [
        (mask, number)
        for mask in ("later 2", "later 4", "later 7", "between 8")
        for number in (1, 2)
    ]
    for row, place in zip(content["rows"][:6:2], (2, 4, 7), strict=True):
        later = [t for t in range(place + 1, 9) if t != 3]
        assert row["J_percent"] == pytest.approx(mean_j([0], later))
        assert row["new_J_percent"] == pytest.approx(mean_j([0, place], later))
    between = content["rows"][6]
    assert between["J_percent"] == pytest.approx(mean_j([0], [1, 2, 4]))
    assert between["new_J_percent"] == pytest.approx(mean_j([0, 8], [1, 2, 4]))
    assert content["figures"]["gain_between"] == pytest.approx(between["gain_percent"] / 2)
    assert content["figures"]["worse_between"] == 1
    assert [row["gain_percent"] for row in content["rows"][1::2]] == [0] * 4
    gains = [row["gain_percent"] for row in content["rows"][:6]]
    assert content["figures"]["gain_later"] == pytest.approx(np.mean(gains))
    assert content["figures"]["worse_later"] == 0
    printed = capsys.readouterr().out
    assert "later: J +" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_frames_limits_the_video(bench):
    content = bench("--frames", "5")
    assert [row["mask"] for row in content["rows"][::2]] == ["later 1", "later 2", "between 4"]


def test_only_objects_with_a_second_mask_count(bench, videos):
    last = truth(8)
    last[last == 2] = 0  # object 2 is gone
    write_mask(videos / "set/Annotations/clip/00008.png", last)
    rows = {(row["mask"], row["object"]) for row in bench()["rows"]}
    assert ("between 8", 1) in rows and ("between 8", 2) not in rows
    assert ("later 4", 2) in rows


def test_too_few_of_the_first_frames_have_a_mask(bench, videos, capsys):
    (videos / "set/Annotations/clip/00001.png").unlink()
    command = ["corrections", str(videos), "--sequences", "set/clip", "--size", "4x8"]
    assert main([*command, "--frames", "4"]) == 1
    message = "only 2 of the first 4 frames have a mask, but at least 3 are needed; use more --fram"
    assert message in capsys.readouterr().err


def test_too_few_frames(videos, capsys):
    with pytest.raises(SystemExit):
        main(["corrections", str(videos), "--sequences", "set/clip", "--frames", "2"])
    assert "must be a whole number of at least 3. Received: '2'" in capsys.readouterr().err
