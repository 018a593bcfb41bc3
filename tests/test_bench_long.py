"""`ytvos-bench long` with the segmentation, which takes minutes, stubbed out."""

import argparse

import pytest
from PIL import Image

from ytvos_keras.bench import long_video
from ytvos_keras.bench.measure import no_progress


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


def test_the_video_has_cuts_and_a_first_mask(tmp_path, monkeypatch):
    monkeypatch.setattr(long_video, "SCENE", 3)
    long_video._write_frames(tmp_path / "frames", 7, (16, 32), no_progress)
    files = sorted(file.name for file in (tmp_path / "frames").iterdir())
    assert files == [f"{n:05d}.jpg" for n in range(7)]
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == (32, 16)
        assert mask.getextrema() == (0, 1)


def test_video_too_short(arguments, capsys):
    with pytest.raises(SystemExit):
        arguments(["--frames", "199"])
    assert "must be at least 200 frames. Received: 199" in capsys.readouterr().err
