import numpy as np
import pytest

from ytvos_keras.export.parity import Parity, ParityError, check_usable, measure_parity


class Fixed:
    """A `Stream` that always gives the same probabilities."""

    def __init__(self, *probs):
        self.probs = np.array(probs, np.float32).reshape(-1, 1, 1, 1)

    def initialize(self, image, mask):
        return {}

    def step(self, image, state):
        return self.probs, state


@pytest.mark.parametrize(
    ("expected", "probs", "equal"),
    [
        ((0.2, 0.9), (0.2, 0.8), 1),
        ((0.2, 0.9), (0.9, 0.2), 0),
        ((0.2, 0.51), (0.2, 0.49), 0),  # the background
        ((0.7, 0.7 - 1e-7), (0.7 - 1e-7, 0.7), 1),  # objects that the model cannot tell apart
        ((0.7, 0.7 - 1e-5), (0.7 - 1e-5, 0.7), 0),
    ],
)
def test_equal_labels(expected, probs, equal):
    frames, masks = np.zeros((2, 1, 1, 3), np.uint8), np.zeros((2, 1, 1, 1), np.uint8)
    parity = measure_parity(Fixed(*expected), Fixed(*probs), frames, masks)
    assert parity.equal_labels == equal
    largest = max(abs(a - b) for a, b in zip(expected, probs, strict=True))
    assert parity.largest_difference == pytest.approx(largest, abs=1e-6)


def test_nan_is_reported():
    frames, masks = np.zeros((2, 1, 1, 3), np.uint8), np.zeros((1, 1, 1, 1), np.uint8)
    assert np.isnan(measure_parity(Fixed(0.5), Fixed(np.nan), frames, masks).largest_difference)


@pytest.mark.parametrize(("difference", "equal"), [(np.nan, 1.0), (np.inf, 1.0), (0.3, 0.4)])
def test_unusable_exports_are_refused(difference, equal):
    check_usable(Parity(5, 1, (64, 96), 0.3, 0.97))  # as of int8
    with pytest.raises(ParityError, match=r"finite probabilities and 50 % .*; nothing was kept"):
        check_usable(Parity(5, 1, (64, 96), difference, equal))
