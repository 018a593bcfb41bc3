"""`ytvos-bench rough-masks` with a stub for the finder."""

import json

import numpy as np
import pytest
from PIL import Image

import ytvos_keras
from ytvos_keras.cli.bench import main
from ytvos_keras.data.rough_masks import KINDS
from ytvos_keras.media.masks import write_mask

SIZE = (40, 60)


class FilledFinder:
    """Takes every pixel that may be on the object; frames must be those of the masks."""

    def __init__(self, model):
        assert model == "the model"
        self.seen = []
        finders.append(self)

    def find(self, frame, trimap):
        assert frame.shape == (*SIZE, 3)
        self.seen.append((int(frame[0, 0, 0]), trimap))
        return trimap > 0


finders: list[FilledFinder] = []


@pytest.fixture
def videos(tmp_path):
    """Eight frames, the fourth (3) without a mask: a square, a dot that is too small, a bar."""
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t in range(8):
        Image.fromarray(np.full((*SIZE, 3), t, "uint8")).save(frames / f"{t:05}.png")
        labels = np.zeros(SIZE, "uint8")
        labels[5:15, t : t + 10], labels[30, 30], labels[20:24, 10:50] = 1, 2, 3
        if t != 3:
            write_mask(annotations / f"{t:05}.png", labels)
    return tmp_path


@pytest.fixture
def bench(videos, monkeypatch):
    monkeypatch.setattr(ytvos_keras, "load", lambda name: "the model", raising=False)
    monkeypatch.setattr(ytvos_keras.inference, "MaskFinder", FilledFinder, raising=False)
    finders.clear()

    def run(*options):
        path = videos / "report.json"
        command = ["rough-masks", str(videos), "--sequences", "set/clip", *options]
        assert main([*command, "--json", str(path)]) == 0
        return json.loads(path.read_text())

    return run


def test_scores(bench, capsys):
    content = bench("--frames", "3")
    rows = {row["rough mask"]: row for row in content["rows"]}
    assert list(rows) == list(KINDS)
    seen = finders[0].seen
    assert {index for index, _ in seen} == {0, 2, 6}  # evenly spaced: 3 has no mask
    assert {row["masks"] for row in rows.values()} == {6}  # two objects in each frame
    assert content["settings"] == {"model": "s2s-lite-rough", "frames": 3, "seed": 0}
    # A scribble allows the whole frame: 100 and 160 of 2,400 pixels are right.
    assert rows["scribble"]["mean_J_percent"] < 10
    assert 60 < rows["box"]["mean_J_percent"] < 100
    for kind, row in rows.items():
        name = f"J_{kind.replace(' ', '_')}"
        assert content["figures"][name] == pytest.approx(row["mean_J_percent"])
    assert "scribble: mean J" in capsys.readouterr().out


def test_the_seed_decides(bench):
    def trimaps(*options):
        bench("--frames", "1", *options)
        return b"".join(trimap.tobytes() for _, trimap in finders[-1].seen)

    first = trimaps("--seed", "1")
    assert trimaps("--seed", "1") == first
    assert trimaps("--seed", "2") != first


def test_all_annotated_frames_of_a_short_sequence(bench):
    assert {row["masks"] for row in bench("--frames", "50")["rows"]} == {14}


def test_no_object(bench, videos, capsys):
    for file in (videos / "set" / "Annotations" / "clip").iterdir():
        write_mask(file, np.zeros(SIZE, "uint8"))
    command = ["rough-masks", str(videos), "--sequences", "set/clip"]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "set/clip: no object covers 0.1 % of any of the 6 frames" in error
