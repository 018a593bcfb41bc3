"""`ytvos-bench score` with stubs for the models and Segmenter."""

import json

import numpy as np
import pytest
from PIL import Image

import ytvos_keras
from ytvos_keras.cli.bench import main
from ytvos_keras.media.masks import write_mask

SIZE = (16, 16)  # optical flow needs at least 12 pixels


def truth(t):
    """Object 2 moves one column after the first frame; object 1 stays in its corner."""
    labels = np.zeros((4, 4), "uint8")
    labels[:, min(t, 1) : min(t, 1) + 2], labels[0, 3] = 2, 1
    return labels.repeat(4, axis=0).repeat(4, axis=1)


class FullFrame:
    """Predicts object 2 everywhere; with the model "old", object 1."""

    def __init__(self, model, size=None):
        self.found = 1 if model == "a/old.keras" else 2
        self.size = size

    def reset(self):
        pass

    def add_objects(self, labels):
        return [1, 2]

    def step(self, frame):
        assert self.size == SIZE
        return np.full(SIZE, self.found, "uint8")


@pytest.fixture
def videos(tmp_path):
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t in range(4):
        Image.fromarray(np.zeros((*SIZE, 3), "uint8")).save(frames / f"{t:05}.png")
        write_mask(annotations / f"{t:05}.png", truth(t))
    return tmp_path


@pytest.fixture
def bench(videos, monkeypatch):
    monkeypatch.setattr(ytvos_keras, "load", lambda name: name, raising=False)
    monkeypatch.setattr(ytvos_keras, "Segmenter", FullFrame, raising=False)

    def run(*models, options=()):
        path = videos / "report.json"
        command = ["score", str(videos), "--sequences", "set/clip", "--size", "16x16", "--model"]
        assert main([*command, *models, *options, "--json", str(path)]) == 0
        return json.loads(path.read_text())["rows"]

    return run


def test_models_and_baselines(bench, capsys):
    rows = bench("new", "a/old.keras", options=["--flow"])
    methods = ["new", "old", "DIS flow", "copied mask"]
    assert [(row["sequence"], row["method"]) for row in rows] == [
        (sequence, method) for sequence in ("set/clip", "all") for method in methods
    ]
    assert {(row["frames"], row["objects"]) for row in rows} == {(4, 2)}
    # Object 1 covers 1/16 of the frame, object 2 half of it; the frames themselves do not move.
    figures = [100 * (0 + 1 / 2) / 2, 100 * (1 / 16 + 0) / 2, *[100 * (1 + 1 / 3) / 2] * 2]
    assert [row["J_percent"] for row in rows] == pytest.approx(figures * 2)
    assert all(row["F_percent"] >= 0 and row["frame_s"] >= 0 for row in rows)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_models_with_the_same_file_name(bench):
    rows = bench("a/best.keras", "b/best.keras", "c/last.keras")
    names = ["a/best.keras", "b/best.keras", "last", "copied mask"]
    assert [row["method"] for row in rows] == names * 2


def test_missing_sequence_is_noticed_before_any_is_segmented(bench, videos, monkeypatch, capsys):
    monkeypatch.delattr(FullFrame, "step")
    command = ["score", str(videos), "--sequences", "set/clip", "set/absent", "--quiet"]
    assert main([*command, "--size", "16x16"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "absent" in error
    assert error.count("\n") == 1
