import numpy as np
import pytest
from PIL import Image

from ytvos_keras.evaluation import region_similarity
from ytvos_keras.evaluation.score_videos import score_sequence
from ytvos_keras.media.masks import write_mask

A = np.array([[1, 1, 0, 0]] * 4, "uint8")
B = np.array([[0, 1, 1, 0]] * 4, "uint8")


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [(A, A, 1), (A, B, 1 / 3), (A, 1 - A, 0), (A, 0 * A, 0), (0 * A, A, 0), (0 * A, 0 * A, 1)],
)
def test_by_hand(mask, truth, expected):
    assert region_similarity(mask, truth) == pytest.approx(expected)
    assert region_similarity(mask > 0, truth > 0) == pytest.approx(expected)


class FullFrame:
    """Finds object 2 everywhere."""

    def add_objects(self, label_map):
        return np.unique(label_map[label_map > 0]).tolist()

    def step(self, frame):
        return np.full(frame.shape[:2], 2, "uint8")


def test_a_sequence_leaves_out_its_first_and_last_frame(tmp_path):
    frames, annotations = tmp_path / "frames", tmp_path / "annotations"
    frames.mkdir()
    annotations.mkdir()
    # Object 2 moves by a column after the first frame; object 1 stays.
    maps = [A * 2, B * 2, B * 2, 0 * A]
    for t, labels in enumerate(maps):
        labels[0, 3] = 1
        Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(frames / f"{t:05}.png")
        write_mask(annotations / f"{t:05}.png", labels, None)
    result = score_sequence(FullFrame(), frames, annotations)
    assert result["frames"] == 4
    assert result["objects"][1] == pytest.approx((0, 1))
    assert result["objects"][2] == pytest.approx((1 / 2, 1 / 3))
