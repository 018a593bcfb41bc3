import numpy as np
import official_formulas
import pytest
from awkward_masks import pairs

from ytvos_keras.evaluation.contour_accuracy import (
    boundary_map,
    boundary_tolerance,
    contour_accuracy,
)
from ytvos_keras.evaluation.frame_scores import score_frame
from ytvos_keras.evaluation.region_similarity import region_similarity

# From the official DAVIS code: a 100×100 square at (60, 60), predicted `shift` pixels off.
GOLDEN = {
    (480, 854): {5: 1, 8: 0.9625, 10: 0.085, 13: 0.085, 20: 0.085},
    (720, 1280): {5: 1, 8: 1, 10: 0.9825, 13: 0.125, 20: 0.125},
    (256, 448): {5: 0.9775, 8: 0.055, 10: 0.055, 13: 0.055, 20: 0.055},
}
GOLDEN_J = {5: 0.822323, 8: 0.733703, 10: 0.680672, 13: 0.608881, 20: 0.470588}


def square(shape, offset):
    mask = np.zeros(shape, bool)
    mask[60 + offset : 160 + offset, 60 + offset : 160 + offset] = True
    return mask


@pytest.mark.parametrize(
    ("shape", "shift", "expected"),
    [(shape, shift, f) for shape, row in GOLDEN.items() for shift, f in row.items()],
)
def test_golden_values(shape, shift, expected):
    mask, truth = square(shape, shift), square(shape, 0)
    assert region_similarity(mask, truth) == pytest.approx(GOLDEN_J[shift], abs=5e-7)
    assert contour_accuracy(mask, truth) == pytest.approx(expected, abs=1e-9)
    j, f = score_frame(mask.astype("uint8"), truth.astype("uint8"), [1])
    assert j == pytest.approx([GOLDEN_J[shift]], abs=5e-7)
    assert f == pytest.approx([expected], abs=1e-9)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 12, 18, None])
def test_random_pairs_agree_with_the_formulas(radius):
    for mask, truth in pairs(np.random.default_rng(0), 100):
        expected = official_formulas.F(mask, truth, radius)
        assert contour_accuracy(mask, truth, radius) == pytest.approx(expected, abs=1e-12)
        expected = official_formulas.J(mask, truth)
        assert region_similarity(mask, truth) == pytest.approx(expected, abs=1e-12)


def test_random_boundary_maps_agree_with_the_formulas():
    for mask, truth in pairs(np.random.default_rng(1), 200):
        both = boundary_map(mask + 2 * truth.view("uint8"))  # two masks, one per bit
        for bit, one in enumerate((mask, truth)):
            expected = official_formulas.boundary(one)
            np.testing.assert_array_equal(boundary_map(one), expected)
            np.testing.assert_array_equal(both >> bit & 1, expected)


def test_boundary_map_by_hand():
    mask = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    expected = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]]
    np.testing.assert_array_equal(boundary_map(mask), np.array(expected, bool))


def test_image_border_is_not_a_contour():
    mask = np.zeros((4, 5), bool)
    mask[:, 3:] = True
    expected = np.zeros((4, 5), bool)
    expected[:, 2] = True
    np.testing.assert_array_equal(boundary_map(mask), expected)
    assert not boundary_map(np.ones((4, 5), bool)).any()


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [
        (np.zeros, np.zeros, (1, 1)),
        (np.ones, np.ones, (1, 1)),
        (np.ones, np.zeros, (0, 1)),  # neither has a contour
        (np.zeros, np.eye, (0, 0)),
        (np.eye, np.zeros, (0, 0)),
    ],
)
def test_empty_and_full_masks(mask, truth, expected):
    mask, truth = (
        make(8).astype(bool) if make is np.eye else make((8, 8), bool) for make in (mask, truth)
    )
    assert (region_similarity(mask, truth), contour_accuracy(mask, truth)) == expected


def test_distant_contours_score_0():
    mask, truth = np.zeros((2, 40, 40), bool)
    mask[5, 5] = truth[30, 30] = True
    assert contour_accuracy(mask, truth) == 0


def test_tolerance_is_a_disk():
    """The two pixels are 3 columns and 4 rows apart, so 5 pixels."""
    mask, truth = np.zeros((2, 20, 20), bool)
    mask[10, 10] = truth[14, 13] = True
    corner = (contour_accuracy(mask, truth, radius) for radius in (3, 5))
    assert list(corner) == [official_formulas.F(mask, truth, radius) for radius in (3, 5)]
    assert contour_accuracy(mask, truth, 5) == 1
    assert contour_accuracy(mask, truth, 4) < 1


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((480, 854), 8),
        ((720, 1280), 12),
        ((256, 448), 5),
        ((1080, 1920), 18),
        ((75, 100), 1),  # 0.008 of the diagonal is exactly 1
        ((1, 1), 1),
    ],
)
def test_tolerance(shape, expected):
    assert boundary_tolerance(*shape) == expected


@pytest.mark.parametrize("measure", [region_similarity, contour_accuracy])
def test_0_and_1_are_equivalent_to_booleans(measure):
    for mask, truth in pairs(np.random.default_rng(2), 20):
        assert measure(mask.astype("uint8"), truth.astype(float)) == measure(mask, truth)


@pytest.mark.parametrize("measure", [region_similarity, contour_accuracy])
@pytest.mark.parametrize(
    ("mask", "truth", "received"),
    [
        (np.eye(3, dtype=bool), np.eye(4, dtype=bool), r"bool \(3, 3\) and bool \(4, 4\)"),
        (np.ones((2, 2, 1), bool), np.ones((2, 2, 1), bool), r"bool \(2, 2, 1\) and bool"),
        (np.uint8([[0, 255]]), np.uint8([[0, 1]]), r"uint8 \(1, 2\), values 0–255 and uint8"),
        (np.float32([[0.25]]), np.ones((1, 1)), r"float32 \(1, 1\), values 0.25–0.25 and float64"),
        (np.uint8([[0, 2]]), np.uint8([[0, 2]]), r"`labels == object_id`"),
    ],
)
def test_invalid_mask_pairs_are_refused(measure, mask, truth, received):
    with pytest.raises(ValueError, match=f"masks of one object and of equal size .*{received}"):
        measure(mask, truth)
