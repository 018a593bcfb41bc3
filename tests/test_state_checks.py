import numpy as np
import pytest
import tensorflow as tf
from fake_model import FakeModel

from ytvos_keras.errors import InputError
from ytvos_keras.inference.saved_state import check_tensors, pack_state, unpack_state
from ytvos_keras.inference.segmenter import Segmenter
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.array_file import save_arrays

FRAME = np.full((32, 48, 3), 200, np.uint8)


def box(left, value=1):
    mask = np.zeros((32, 48), np.uint8)
    mask[4:12, left : left + 8] = value
    return mask


@pytest.fixture
def state():
    """The state of two objects, with a third one pending for the next frame."""
    segmenter = Segmenter(FakeModel())
    segmenter.add_objects(box(4) + box(20, value=2))
    segmenter.step(FRAME)
    segmenter.add_object(box(34), 3)
    return segmenter.state()


def test_valid_state(state):
    segmenter = Segmenter(FakeModel())
    segmenter.restore(state)
    assert segmenter.object_ids == [1, 2, 3]


def test_pending_correction():
    whole, resumed = Segmenter(FakeModel()), Segmenter(FakeModel())
    whole.add_objects(box(4))
    whole.step(FRAME)
    whole.add_object(box(20), 1)
    resumed.restore(whole.state())
    assert resumed.object_ids == [1]
    np.testing.assert_array_equal(resumed.step(FRAME), whole.step(FRAME))


def test_pending_object_twice(state):
    twice = {
        "pending_ids": np.array([3, 3], np.uint8),
        "pending_mask:0": box(34),
        "pending_mask:1": box(34),
    }
    with pytest.raises(InputError, match="damaged"):
        Segmenter(FakeModel()).restore(state | twice)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("object_ids", np.array([1, 1], np.uint8)),
        ("object_ids", np.array([0, 2], np.uint8)),
        ("object_ids", np.array([1, 255], np.uint8)),
        ("object_ids", np.array(["a", "b"])),
        ("object_ids", np.array(1, np.uint8)),
        ("object_ids", np.array([[1], [2]], np.uint8)),
        ("object_ids", np.array([1.0, 2.0])),
        ("pending_ids", np.array([0], np.uint8)),
        ("pending_ids", np.array([4, 5], np.uint8)),
        ("pending_mask:0", np.full((32, 48), 2, np.uint8)),
        ("pending_mask:0", np.zeros((32, 48), np.uint8)),
        ("pending_mask:0", np.ones((32, 40), np.uint8)),
        ("pending_mask:0", np.ones((32, 48), np.float32)),
        ("frame_size", np.array([-32, 48])),
        ("frame_size", np.array([2**20, 2**20])),
        ("frame_size", np.array([32, 48, 3])),
        ("frame_size", np.array(["32", "48"])),
        ("frame_count", np.array(-1)),
        ("frame_count", np.array([1, 2])),
        ("frame_count", np.array(np.inf)),
        ("bfloat16", np.array(5)),
        ("size", np.array([32])),
        ("size", np.array(["a", "b"])),
        ("tensor:mask", np.full((2, 32, 48, 1), np.nan, np.float32)),
        ("tensor:mask", np.zeros((2, 32, 40, 1), np.float32)),
        ("tensor:mask", np.zeros((2, 32, 48, 1))),
        ("tensor:mask", np.array("text")),
        ("tensor:age", np.zeros(3, np.float32)),
        ("tensor:other", np.zeros((2, 1), np.float32)),
    ],
)
def test_invalid_state(state, key, value):
    segmenter = Segmenter(FakeModel())
    with pytest.raises(InputError, match=r"the state of a Segmenter is damaged; start the video"):
        segmenter.restore(state | {key: value})
    assert segmenter.object_ids == []


def test_learned_weights_of_a_type_that_tensorflow_lacks():
    video = VideoState(learned={"0": np.zeros(3, np.longdouble)})
    with pytest.raises(InputError, match="start the video again"):
        check_tensors(video, (32, 48), FakeModel())


def test_learned_weights_in_bfloat16(tmp_path):
    """Of a model in pure bfloat16, which .npz lacks."""
    model = FakeModel()
    model.weights = [tf.Variable([0.5, 0.25], dtype=tf.bfloat16)]
    learned = model.weights[0].numpy()
    state = pack_state(VideoState(learned={"0": learned}), model, (32, 48))
    save_arrays(tmp_path / "state", state)
    video, size = unpack_state(tmp_path / "state", model)
    check_tensors(video, size, model)
    assert video.learned["0"].dtype == learned.dtype
    np.testing.assert_array_equal(video.learned["0"], learned)


def test_missing_tensor(state):
    del state["tensor:age"]
    with pytest.raises(InputError, match="age does not fit this model"):
        Segmenter(FakeModel()).restore(state)


@pytest.mark.parametrize("version", [np.array("x"), np.array([2, 2]), np.array(1)])
def test_another_version(state, version):
    with pytest.raises(InputError, match="not the state of a Segmenter of this version"):
        Segmenter(FakeModel()).restore(state | {"version": version})
