import math

import numpy as np
import official_formulas
import pytest

from ytvos_keras.evaluation.statistics import (
    Statistics,
    statistics_over_frames,
    statistics_over_objects,
)


# From the official DAVIS code.
@pytest.mark.parametrize(
    ("values", "mean", "recall", "decay"),
    [
        (np.linspace(1, 0, 11), 0.5, 5 / 11, 0.75),
        (np.linspace(1, 0, 10), 0.5, 0.5, 0.777778),
        (np.full(7, 0.5), 0.5, 0, 0),
        ([0.8], 0.8, 1, 0),
        ([1, 0], 0.5, 0.5, 1),
    ],
)
def test_golden_values(values, mean, recall, decay):
    expected = Statistics(mean, recall, decay)
    assert statistics_over_frames(values) == pytest.approx(expected, abs=5e-7)


def test_all_lengths_agree_with_the_formulas():
    random = np.random.default_rng(0)
    for n in [*range(1, 80), 255, 256, 257, 300, 1000]:
        values = random.random(n)
        expected = official_formulas.statistics(values.tolist())
        assert statistics_over_frames(values) == pytest.approx(expected, abs=1e-12)


def test_quarters_of_more_than_256_frames_do_not_wrap():
    """The official code stores the quarter boundaries in uint8 and returns NaN here."""
    statistics = statistics_over_frames(np.linspace(1, 0, 300))
    # The first and last quarters are frames 0–75 and 224–299.
    assert statistics.decay == pytest.approx((224 + 299 - 0 - 75) / 2 / 299)


def test_recall_counts_values_above_one_half():
    above = np.nextafter(0.5, 1)
    assert statistics_over_frames([0.5, above, 0, 1]).recall == 0.5


def test_neighbouring_quarters_share_a_frame():
    assert statistics_over_frames([1, 1, 0, 0, 0]).decay == 1
    assert statistics_over_frames([1, 0, 0, 0, 0]).decay == 0.5


def test_values_are_plain_floats():
    assert all(type(value) is float for value in statistics_over_frames(np.float32([0.5, 1])))
    pair = [Statistics(1, 1, 0), Statistics(0, 0, 0)]
    assert all(type(value) is float for value in statistics_over_objects(pair))


def test_no_frame_is_nan():
    assert all(map(math.isnan, statistics_over_frames([])))


def test_mean_is_over_objects_with_frames():
    objects = [
        statistics_over_frames([1, 1, 1, 1, 1, 0]),
        statistics_over_frames([0]),
        statistics_over_frames([]),
    ]
    assert statistics_over_objects(objects).mean == pytest.approx(5 / 12)
    assert statistics_over_objects(iter(objects)) == statistics_over_objects(objects[:2])


@pytest.mark.parametrize("objects", [[], [statistics_over_frames([])]])
def test_no_object_is_nan(objects):
    assert all(map(math.isnan, statistics_over_objects(objects)))
