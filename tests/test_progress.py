import time

from ytvos_keras.cli import progress
from ytvos_keras.cli.progress import frame_progress


def test_bursts_of_results_do_not_inflate_the_rate(capsys, monkeypatch):
    """The workers of `ytvos-eval` report several frames at once."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with frame_progress(quiet=False) as report:
        now[0] += 2
        for done in (1, 2, 3, 4):
            report("scores", done, 4)
    assert "2.0 frames/s" in capsys.readouterr().err


def test_second_round_of_learning_has_its_own_total(capsys):
    with frame_progress(quiet=False) as report:
        for total in (2, 4):
            for done in range(1, total + 1):
                report("learning", done, total, 0.5)
    assert "4/4 steps" in capsys.readouterr().err


def test_quiet_shows_nothing(capsys):
    with frame_progress(quiet=True) as report:
        report("masks", 1, None)
        report("learning", 1, 2, 0.5)
    assert capsys.readouterr() == ("", "")


def test_loading_before_the_first_frame_does_not_count():
    rate = progress._Rate(opened=time.monotonic() - 100, done=5)
    rate.begin -= 10
    assert 9.5 < rate.per_second(105) <= 10
