import sys

import numpy as np
import pytest
from PIL import Image

import ytvos_keras
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import score_videos
from ytvos_keras.media.masks import write_mask

A = np.array([[1, 1, 0, 0]] * 4, "uint8")
B = np.array([[0, 1, 1, 0]] * 4, "uint8")


class FullFrame:
    """Finds object 2 everywhere."""

    def __init__(self, model=None, size=None):
        pass

    def reset(self):
        pass

    def add_objects(self, label_map):
        return np.unique(label_map[label_map > 0]).tolist()

    def step(self, frame):
        return np.full(frame.shape[:2], 2, "uint8")


@pytest.fixture
def videos(tmp_path):
    """Object 2 moves by a column after the first frame; object 1 stays in its corner."""
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t, labels in enumerate([A * 2, B * 2, B * 2, 0 * A]):
        labels[0, 3] = 1
        Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(frames / f"{t:05}.png")
        write_mask(annotations / f"{t:05}.png", labels)
    return tmp_path


def test_a_sequence_leaves_out_its_first_and_last_frame(videos):
    scores = score_videos.score_sequence(
        FullFrame(), videos / "set/JPEGImages/clip", videos / "set/Annotations/clip"
    )
    assert scores.frames == 4
    one, two = scores.ours
    assert (one.object_id, two.object_id) == (1, 2)
    assert one.frames == two.frames == ("00001", "00002")
    assert (one.J_statistics.mean, two.J_statistics.mean) == (0, 1 / 2)
    assert one.F_statistics.mean == 0  # nothing predicted
    assert [copied.J_statistics.mean for copied in scores.copied] == pytest.approx([1, 1 / 3])
    assert scores.copied[0].F_statistics.mean == 1


def test_the_table(videos, monkeypatch, capsys):
    # Into the dictionary: looking the old values up would import TensorFlow.
    monkeypatch.setitem(vars(ytvos_keras), "Segmenter", FullFrame)
    monkeypatch.setitem(vars(ytvos_keras), "load", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["score_videos", str(videos), "--sequences", "set/clip"])
    score_videos.main()
    head, rule, row, mean = capsys.readouterr().out.splitlines()
    assert head == (
        "| sequence | frames | objects | J | F | J of the copied mask | F of the copied mask "
        "| s/frame |"
    )
    assert rule == "|---|---|---|---|---|---|---|---|"
    assert row.startswith("| set/clip | 4 | 2 | 25.0 | ")
    assert " | 66.7 | " in row
    assert mean.startswith("| mean over objects | | 2 | 25.0 | ")


def test_too_few_masks(videos):
    annotations = videos / "set/Annotations/clip"
    (annotations / "00000.png").unlink()
    with pytest.raises(InputError, match="needs a mask of the first frame and three masks or more"):
        score_videos.score_sequence(FullFrame(), videos / "set/JPEGImages/clip", annotations)
