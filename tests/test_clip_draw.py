import itertools
from fractions import Fraction

import numpy as np
import pytest

from ytvos_keras.datasets.raw_videos.cut_video import resample
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.datasets.raw_videos.shots import choose_clips
from ytvos_keras.errors import InputError


def shots_of(*lengths, rate=30):
    """Consecutive shots of the given lengths in seconds."""
    times = [Fraction(i) / rate for i in range(round(sum(lengths) * rate))]
    edges = [0, *(round(edge * rate) for edge in np.cumsum(lengths))]
    return [tuple(times[a:b]) for a, b in itertools.pairwise(edges)]


def draw(shots, seed=0, **settings):
    duration = sum(map(len, shots)) * (shots[0][1] - shots[0][0])
    return choose_clips(shots, duration, ClipSettings(**settings), np.random.default_rng(seed))


@pytest.mark.parametrize("rate", [10, 24, 25, 30, 60, Fraction(30000, 1001)])
@pytest.mark.parametrize("seed", range(4))
def test_clips_stay_in_one_shot_avoid_the_ends_and_do_not_overlap(rate, seed):
    lengths = np.random.default_rng(seed).uniform(0.5, 20, 6).round(1)
    shots = shots_of(*lengths, rate=rate)
    clips = draw(shots, seed)
    duration = float(sum(map(len, shots)) / rate)
    assert 1 <= len(clips) <= 5
    before = 0
    for start, count in clips:
        (shot,) = [shot for shot in shots if start in shot]
        last = start + Fraction(count - 1, 30)
        assert 90 <= count <= 180
        assert last <= shot[-1]
        assert 0.1 * duration - 1e-6 <= start
        assert last <= 0.9 * duration + 1e-6
        assert start >= before
        before = start + Fraction(count, 30)


def test_lengths_and_positions_are_uniform():
    shots = shots_of(100, rate=10)
    clips = [clip for seed in range(200) for clip in draw(shots, seed)]
    counts = np.array([count for _, count in clips])
    middles = np.array([float(start) for start, _ in clips]) + counts / 60
    assert len(clips) == 1000
    assert counts.min() < 95 and counts.max() > 175 and 130 < counts.mean() < 140
    shares = np.histogram(middles, bins=5, range=(10, 90))[0] / len(clips)
    assert (np.abs(shares - 0.2) < 0.06).all()


def test_clips_are_spread_over_the_video():
    starts = [[float(start) for start, _ in draw(shots_of(100), seed)] for seed in range(20)]
    for five in starts:
        assert max(np.diff([10, *five, 90])) < 30
    assert len({tuple(five) for five in starts}) == 20
    assert draw(shots_of(100), 3) == draw(shots_of(100), 3)


def test_too_short_shots_give_no_clips():
    assert draw(shots_of(*[2.9] * 10)) == []
    assert len(draw(shots_of(*[2.9] * 10), min_seconds=2)) == 5
    assert draw(shots_of(3.5)) == []  # 2.8 s remain without the first and last tenth
    assert len(draw(shots_of(3.5), skip=0)) == 1


def test_shot_of_exactly_three_seconds_is_a_clip():
    assert draw(shots_of(3), skip=0) == [(Fraction(0), 90)]


def test_settings_are_applied():
    clips = draw(shots_of(100), clips_per_video=2, min_seconds=1, max_seconds=1.5)
    assert len(clips) == 2 and all(30 <= count <= 45 for _, count in clips)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clips_per_video": 0}, "at least 1. Received: 0"),
        ({"min_seconds": 7}, "the shortest first. Received: 7 to 6 seconds"),
        ({"max_seconds": float("inf")}, "the shortest first. Received: 3 to inf seconds"),
        ({"min_seconds": 3.31, "max_seconds": 3.32}, "no clip of a whole number of frames at 30"),
        ({"skip": 0.5}, "at least 0 and below 0.5. Received: 0.5"),
        ({"height": 8}, "at least 16 pixels. Received: 8"),
        ({"seed": -1}, "0 or more. Received: -1"),
    ],
)
def test_invalid_settings(wrong, message):
    with pytest.raises(InputError, match=message):
        ClipSettings(**wrong)


def test_lengths_are_exact_decimals():
    """The float 3.3 is less than 3.3, and 5.1 is less than 5.1."""
    assert ClipSettings(min_seconds=3.3, max_seconds=3.3).frame_counts == (99, 99)
    assert ClipSettings(max_seconds=5.1).frame_counts == (90, 153)


def resampled(times, count, rate=30):
    frames = [(Fraction(time), index) for index, time in enumerate(times)]
    return list(resample(frames, count, Fraction(rate)))


def test_resampling_takes_the_nearest_frame():
    def steady(rate, count=40):
        return [7 + Fraction(i) / rate for i in range(count)]

    assert resampled(steady(30), 30) == list(range(30))
    assert resampled(steady(Fraction(30000, 1001), 190), 180) == list(range(180))
    assert resampled(steady(60), 10) == list(range(0, 20, 2))
    assert resampled(steady(15), 8) == [0, 0, 1, 1, 2, 2, 3, 3]  # ties go to the earlier frame
    assert resampled(steady(24), 11) == [0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8]
    assert resampled([0, 0.02, 0.5, 0.51], 16) == [0, 1, *[1] * 6, *[2] * 8]
    assert resampled([0, 0.1], 7) == [0, 0, 1, 1, 1, 1, 1]  # the video ends early
