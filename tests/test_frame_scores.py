import numpy as np
import official_formulas
import pytest
from awkward_masks import pairs

from ytvos_keras.evaluation.frame_scores import score_frame

IDS = [1, 2, 7, 254]


def label_map(masks, ids):
    """Combine masks into a label map; later masks win."""
    labels = np.zeros(masks[0].shape, "uint8")
    for mask, object_id in zip(masks, ids, strict=True):
        labels[mask] = object_id
    return labels


def assert_official(prediction, truth, ids):
    j, f = score_frame(prediction, truth, ids)
    for k, i in enumerate(ids):
        assert j[k] == pytest.approx(official_formulas.J(prediction == i, truth == i), abs=1e-12)
        assert f[k] == pytest.approx(official_formulas.F(prediction == i, truth == i), abs=1e-12)


def test_frame_by_hand():
    truth = np.uint8([[1, 1, 0, 2], [1, 1, 0, 2]])
    prediction = np.uint8([[0, 1, 1, 0], [0, 1, 1, 0]])
    j, f = score_frame(prediction, truth, [1, 2, 3])
    assert j.dtype == f.dtype == np.float64
    assert j.tolist() == [pytest.approx(1 / 3), 0, 1]
    # Object 1: the prediction's contour is its left and right side, the truth's only its right
    # side, one pixel from each.
    assert f.tolist() == [1, 0, 1]


def test_random_frames_of_one_object_agree_with_the_formulas():
    for mask, truth in pairs(np.random.default_rng(0), 200):
        assert_official(mask.astype("uint8"), truth.astype("uint8"), [1])


def test_random_frames_of_many_objects_agree_with_the_formulas():
    random = np.random.default_rng(1)
    everything = [pair for pair in pairs(random, 400) if pair[0].shape == (13, 11)]
    assert len(everything) > 20
    for _ in range(60):
        chosen = [everything[n] for n in random.integers(len(everything), size=len(IDS))]
        prediction, truth = (label_map(masks, IDS) for masks in zip(*chosen, strict=True))
        assert_official(prediction, truth, [*IDS, 3])


@pytest.mark.parametrize("shape", [(97, 131), (200, 330), (3, 400)])
def test_larger_frames_have_a_larger_tolerance(shape):
    random = np.random.default_rng(2)
    rows, columns = np.indices(shape)
    for _ in range(6):
        masks = []
        for _ in IDS:
            y, x = (random.integers(0, n) for n in shape)
            radius = random.integers(2, 60)
            masks.append((rows - y) ** 2 + (columns - x) ** 2 < radius**2)
        truth = label_map(masks, IDS)
        prediction = np.roll(truth, random.integers(-4, 5, 2), (0, 1))
        prediction[random.random(shape) < 0.01] = 0
        assert_official(prediction, truth, IDS)


def test_other_ids_and_void_count_as_background():
    truth = np.uint8([[1, 1, 255, 0, 9]])
    prediction = np.uint8([[1, 1, 1, 0, 0]])
    cleaned = np.uint8([[1, 1, 0, 0, 0]])
    for received, expected in zip(
        score_frame(prediction, truth, [1]), score_frame(prediction, cleaned, [1]), strict=True
    ):
        assert received == expected


def test_no_objects():
    j, f = score_frame(np.ones((3, 3), "uint8"), np.ones((3, 3), "uint8"), [])
    assert j.shape == f.shape == (0,)


def test_any_memory_layout_works_and_inputs_are_unchanged():
    random = np.random.default_rng(3)
    prediction, truth = random.integers(0, 3, (2, 12, 17), dtype="uint8")
    before = prediction.copy(), truth.copy()
    expected = score_frame(prediction, truth, [1, 2])
    wide = np.zeros((24, 34), "uint8")
    wide[::2, ::2] = prediction
    for other in (np.asfortranarray(prediction), wide[::2, ::2]):
        other.flags.writeable = False
        np.testing.assert_array_equal(score_frame(other, truth, [1, 2]), expected)
    np.testing.assert_array_equal((prediction, truth), before)


@pytest.mark.parametrize(
    ("prediction", "truth", "received"),
    [
        (np.zeros((2, 3), "uint8"), np.zeros((3, 2), "uint8"), r"uint8 \(2, 3\).* uint8 \(3, 2\)"),
        (np.zeros((2, 3), "int64"), np.zeros((2, 3), "uint8"), r"int64 \(2, 3\)"),
        (np.zeros((2, 3), bool), np.zeros((2, 3), bool), r"bool \(2, 3\)"),
        (np.zeros((2, 3, 1), "uint8"), np.zeros((2, 3, 1), "uint8"), r"uint8 \(2, 3, 1\)"),
    ],
)
def test_invalid_arrays_are_refused(prediction, truth, received):
    rule = "must be uint8 label maps of equal size .*nearest neighbour.*Received: "
    with pytest.raises(ValueError, match=rule + received):
        score_frame(prediction, truth, [1])
