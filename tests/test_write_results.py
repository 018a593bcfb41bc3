import csv
import json
from pathlib import Path

import numpy as np
import pytest

import ytvos_keras
from ytvos_keras.evaluation import Evaluation, ObjectScores, write_csv, write_json

NOTHING = {"mean": None, "recall": None, "decay": None}


def scores(sequence, category, J, F, object_id=1):
    frames = tuple(f"{t:05d}" for t in range(1, len(J) + 1))
    return ObjectScores(sequence, object_id, category, frames, np.array(J), np.array(F))


@pytest.fixture
def evaluation():
    objects = (
        scores("dog, old", "dog", [1.0, 0.5], [1.0, 1.0]),
        scores("über", "cat", [0.25], [0.75], object_id=3),
        scores("short", None, [], []),
    )
    settings = {"exclude_last": False, "frames": "listed"}
    return Evaluation("youtube-vos", objects, frozenset(["dog"]), settings)


def test_json_has_the_documented_structure(tmp_path, evaluation):
    write_json(tmp_path / "scores.json", evaluation)
    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    assert "über" in text
    assert json.loads(text) == {
        "protocol": "youtube-vos",
        "rule": "youtube-vos: 2 objects in 2 sequences; each object's first frame left out; "
        "frames given: listed",
        "J": {"mean": 0.5, "recall": 0.25, "decay": 0.25},
        "F": {"mean": 0.875, "recall": 1.0, "decay": 0.0},
        "J&F": 0.6875,
        "G": (0.75 + 1 + 0.25 + 0.75) / 4,
        "seen": {
            "J": {"mean": 0.75, "recall": 0.5, "decay": 0.5},
            "F": {"mean": 1.0, "recall": 1.0, "decay": 0.0},
            "objects": 1,
        },
        "unseen": {
            "J": {"mean": 0.25, "recall": 0.0, "decay": 0.0},
            "F": {"mean": 0.75, "recall": 1.0, "decay": 0.0},
            "objects": 1,
        },
        "objects": [
            {
                "sequence": "dog, old",
                "object": 1,
                "category": "dog",
                "J": {"mean": 0.75, "recall": 0.5, "decay": 0.5},
                "F": {"mean": 1.0, "recall": 1.0, "decay": 0.0},
                "frames": 2,
            },
            {
                "sequence": "über",
                "object": 3,
                "category": "cat",
                "J": {"mean": 0.25, "recall": 0.0, "decay": 0.0},
                "F": {"mean": 0.75, "recall": 1.0, "decay": 0.0},
                "frames": 1,
            },
            {
                "sequence": "short",
                "object": 1,
                "category": None,
                "J": NOTHING,
                "F": NOTHING,
                "frames": 0,
            },
        ],
        "settings": {"exclude_last": False, "frames": "listed"},
        "version": ytvos_keras.__version__,
    }


def test_csv(tmp_path, evaluation):
    write_csv(tmp_path / "scores.csv", evaluation)
    lines = (tmp_path / "scores.csv").read_bytes().decode().split("\n")
    assert lines[0] == (
        "sequence,object,category,frames,J_mean,J_recall,J_decay,F_mean,F_recall,F_decay"
    )
    assert lines[1] == '"dog, old",1,dog,2,0.75,0.5,0.5,1.0,1.0,0.0'
    assert lines[3:] == ["short,1,,0,,,,,,", ""]
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        means = [float(row["J_mean"]) for row in csv.DictReader(file) if row["J_mean"]]
    assert np.mean(means) == evaluation.overall.J.mean


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_non_unicode_folder_name(tmp_path, write):
    write(tmp_path / "scores", Evaluation("davis2017", (scores("caf\udce9", None, [1], [1]),)))
    assert "caf?" in (tmp_path / "scores").read_text(encoding="utf-8")


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_old_file_is_kept_if_writing_fails(tmp_path, evaluation, monkeypatch, write):
    path = tmp_path / "scores"
    write(path, evaluation)
    before = path.read_bytes()

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(path, evaluation)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["scores"]
