import numpy as np
import pytest
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import score_videos
from ytvos_keras.evaluation.baselines import CopiedMask, FlowPropagation
from ytvos_keras.media.masks import write_mask

A = np.array([[1, 1, 0, 0]] * 4, "uint8")
B = np.array([[0, 1, 1, 0]] * 4, "uint8")


class FullFrame:
    """A Segmenter stub that predicts object 2 everywhere."""

    def reset(self):
        pass

    def add_objects(self, label_map):
        return np.unique(label_map[label_map > 0]).tolist()

    def step(self, frame):
        return np.full(frame.shape[:2], 2, "uint8")


@pytest.fixture
def videos(tmp_path):
    """Object 2 moves one column after the first frame; object 1 stays in its corner."""
    frames, annotations = (tmp_path / "set" / n / "clip" for n in ("JPEGImages", "Annotations"))
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for t, labels in enumerate([A * 2, B * 2, B * 2, 0 * A]):
        labels[0, 3] = 1
        Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(frames / f"{t:05}.png")
        write_mask(annotations / f"{t:05}.png", labels)
    return tmp_path


def test_first_and_last_frame_are_not_scored(videos):
    scores = score_videos.score_sequence(
        FullFrame(), videos / "set/JPEGImages/clip", videos / "set/Annotations/clip"
    )
    assert len(scores.seconds) == 4
    one, two = scores.objects
    assert (one.object_id, two.object_id) == (1, 2)
    assert one.frames == two.frames == ("00001", "00002")
    assert (one.J_statistics.mean, two.J_statistics.mean) == (0, 1 / 2)
    assert one.F_statistics.mean == 0  # nothing predicted


def test_copied_mask_baseline(videos):
    scores = score_videos.score_sequence(
        CopiedMask(), videos / "set/JPEGImages/clip", videos / "set/Annotations/clip"
    )
    assert [own.J_statistics.mean for own in scores.objects] == pytest.approx([1, 1 / 3])
    assert scores.objects[0].F_statistics.mean == 1


def test_flow_propagation_baseline():
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(0, 256, (20, 40)), np.ones((4, 4))).astype("uint8")
    scene = np.repeat(scene[..., None], 3, axis=-1)
    labels = np.zeros(scene.shape[:2], "uint8")
    labels[20:50, 40:80], labels[30:40, 100:110] = 3, 7
    flow = FlowPropagation()
    assert flow.add_objects(labels) == [3, 7]
    for shift in (0, 2, 4):  # the camera pans
        found = flow.step(np.roll(scene, shift, axis=1))
    truth = np.roll(labels, 4, axis=1)
    for number in (3, 7):
        found_there, true = found == number, truth == number
        assert (found_there & true).sum() / (found_there | true).sum() > 0.9


def test_too_few_masks(videos):
    annotations = videos / "set/Annotations/clip"
    (annotations / "00000.png").unlink()
    with pytest.raises(InputError, match="needs a mask of the first frame and at least two more"):
        score_videos.score_sequence(FullFrame(), videos / "set/JPEGImages/clip", annotations)


def test_first_mask_without_an_object(videos):
    annotations = videos / "set/Annotations/clip"
    write_mask(annotations / "00000.png", 0 * A)
    with pytest.raises(InputError, match=r"clip.00000\.png: no object in it, every pixel is 0"):
        score_videos.read_truths([f"{t:05}" for t in range(4)], annotations)
