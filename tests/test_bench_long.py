"""`ytvos-bench long` with the segmentation, which takes minutes, mostly stubbed out."""

import argparse
import math

import pytest
from models_helper import small_model
from PIL import Image

from ytvos_keras.bench import long_video
from ytvos_keras.errors import InputError
from ytvos_keras.progress import silent


@pytest.fixture
def arguments():
    parser = argparse.ArgumentParser()
    long_video.add_arguments(parser)
    return parser.parse_args


def run(arguments, monkeypatch, seconds, megabytes):
    """Report for the given time and memory of each frame."""
    times, now = [], 0.0
    for step in seconds:
        now += step
        times.append(now)
    monkeypatch.setattr(long_video, "_write_frames", lambda *_: None)
    monkeypatch.setattr(long_video, "_segment", lambda *_: (times, megabytes))
    return long_video.run(arguments(["--frames", str(len(seconds))]))


def test_steady_and_flat(arguments, monkeypatch):
    # 9 s of start-up, an occasional slow frame, memory that settles within the first hundred
    # frames.
    seconds = [9, *[0.1, 0.1, 0.1, 0.5] * 75][:300]
    report = run(arguments, monkeypatch, seconds, [400] * 60 + [500] * 120 + [530] * 120)
    assert [row.labels["frames"] for row in report.rows] == ["1-100", "101-200", "201-300"]
    memory, speed = report.figures
    assert memory.value == 30
    assert memory.text.endswith("30 MB between minimum and maximum, flat within 50 MB")
    assert speed.value == pytest.approx(1)
    assert speed.text.endswith("1.000, steady within 10 %")


def test_slower_and_growing(arguments, monkeypatch):
    seconds = [0.1] * 100 + [0.12] * 100
    memory, speed = run(arguments, monkeypatch, seconds, list(range(200))).figures
    assert "NOT flat within 50 MB" in memory.text
    assert speed.value == pytest.approx(1.2)
    assert "NOT steady within 10 %" in speed.text


def test_memory_that_is_not_reported(arguments, monkeypatch):
    (speed,) = run(arguments, monkeypatch, [0.1] * 200, [math.nan] * 200).figures
    assert speed.text.startswith("time per frame, ")


@pytest.mark.slow
def test_every_frame_is_timed(monkeypatch, tmp_path):
    small_model("mask-as-state").save(tmp_path / "small.keras")
    monkeypatch.setattr(long_video, "SCENE", 3)
    long_video._write_frames(tmp_path / "frames", 3, (32, 48), silent)
    chosen = argparse.Namespace(model=tmp_path / "small.keras", frames=3, size=(32, 48))
    times, memory = long_video._segment(tmp_path / "frames", chosen, silent)
    assert times == sorted(times)
    assert len(times) == len(memory) == 3
    assert all(100 < megabytes < math.inf for megabytes in memory)  # TensorFlow alone uses more


def test_segmenting_that_fails(arguments, monkeypatch, tmp_path):
    monkeypatch.setattr(long_video, "_WORKER", "print(0, 1)\nraise SystemExit('no such model')")
    message = r"^segmenting failed\. Received: exit code 1\. no such model$"
    with pytest.raises(InputError, match=message):
        long_video._segment(tmp_path / "frames", arguments([]), silent)


def test_the_video_has_cuts_and_a_first_mask(tmp_path, monkeypatch):
    monkeypatch.setattr(long_video, "SCENE", 3)
    long_video._write_frames(tmp_path / "frames", 7, (16, 32), silent)
    files = sorted(file.name for file in (tmp_path / "frames").iterdir())
    assert files == [f"{n:05d}.jpg" for n in range(7)]
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == (32, 16)
        assert mask.getextrema() == (0, 1)


def test_video_too_short(arguments, capsys):
    with pytest.raises(SystemExit):
        arguments(["--frames", "199"])
    assert "must be at least 200 frames. Received: 199" in capsys.readouterr().err
