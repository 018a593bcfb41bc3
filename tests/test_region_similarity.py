import numpy as np
import pytest

from ytvos_keras.evaluation import region_similarity

A = np.array([[1, 1, 0, 0]] * 4, "uint8")
B = np.array([[0, 1, 1, 0]] * 4, "uint8")


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [(A, A, 1), (A, B, 1 / 3), (A, 1 - A, 0), (A, 0 * A, 0), (0 * A, A, 0), (0 * A, 0 * A, 1)],
)
def test_by_hand(mask, truth, expected):
    assert region_similarity(mask, truth) == pytest.approx(expected)
    assert region_similarity(mask > 0, truth > 0) == pytest.approx(expected)
