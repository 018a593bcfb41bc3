import re
import threading

import numpy as np
import pytest
import tensorflow as tf
from fake_model import FakeModel

from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter
from ytvos_keras.inference.adaptation import learner
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.frame_functions import FrameFunctions
from ytvos_keras.inference.frame_stepper import MAX_SIZES
from ytvos_keras.inference.input_checks import check_frame
from ytvos_keras.inference.sizes import resize_mask, working_size

SIZE = (32, 48)  # the fake model's own size, so nothing is resized


def frames(count, size=SIZE):
    return [np.full((*size, 3), 100, np.uint8) for _ in range(count)]


def box(top, left, size=SIZE, side=8, value=1):
    mask = np.zeros(size, np.uint8)
    mask[top : top + side, left : left + side] = value
    return mask


@pytest.mark.parametrize(
    ("frame_size", "expected"),
    [
        ((1080, 1920), (256, 448)),
        ((360, 640), (256, 448)),
        ((1920, 1080), (448, 256)),
        ((480, 854), (256, 448)),
        ((480, 640), (288, 384)),
        ((100, 100), (352, 352)),
        ((10, 4000), (32, 6784)),
    ],
)
def test_working_size_keeps_area_and_aspect(frame_size, expected):
    assert working_size(frame_size, (256, 448), 32) == expected


def test_masks_are_resized_by_nearest_neighbour():
    mask = box(3, 5, value=7)
    assert set(np.unique(resize_mask(mask, (77, 90)))) == {0, 7}


def test_given_mask_is_returned_unchanged_then_predictions():
    segmenter = Segmenter(FakeModel())
    assert segmenter.add_object(box(4, 4) > 0) == 1
    for t in range(3):
        labels = segmenter.step(frames(1)[0])
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, box(4, 4 + t))
    assert segmenter.frame_count == 3


def test_without_objects_masks_are_empty_and_the_model_is_not_run():
    model = FakeModel()
    segmenter = Segmenter(model)
    assert not segmenter.step(frames(1)[0]).any()
    assert model.traces == 0


def test_features_come_from_the_current_frame():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    first, second = frames(2)
    segmenter.step(first)
    second[:8] = 0  # dark rows, in which the fake model drops the object
    expected = box(4, 5)
    expected[:8] = 0
    np.testing.assert_array_equal(segmenter.step(second), expected)


def test_late_object_and_free_ids():
    segmenter = Segmenter(FakeModel())
    assert segmenter.add_object(box(0, 0), object_id=2) == 2
    segmenter.step(frames(1)[0])
    assert segmenter.add_object(box(16, 16)) == 1
    assert segmenter.add_object(box(24, 30), object_id=np.int64(9)) == 9
    assert segmenter.object_ids == [2, 1, 9]
    expected = box(0, 1, value=2) + box(16, 16) + box(24, 30, value=9)
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), expected)
    expected = box(0, 2, value=2) + box(16, 17) + box(24, 31, value=9)
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), expected)


def test_given_masks_override_predictions_and_the_last_wins():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    segmenter.step(frames(1)[0])
    segmenter.add_object(box(6, 6))
    segmenter.add_object(box(8, 8))
    labels = segmenter.step(frames(1)[0])
    assert (labels[box(8, 8) > 0] == 3).all()
    assert (labels[(box(6, 6) > 0) & (box(8, 8) == 0)] == 2).all()
    assert (labels[4:6, 5:13] == 1).all()


def test_several_objects_equal_single_ones():
    label_map = box(0, 0) + box(10, 20, value=5) + box(20, 4, value=200)
    together = list(Segmenter(FakeModel()).segment(frames(4), label_map))
    for i in (1, 5, 200):
        alone = Segmenter(FakeModel()).segment(frames(4), np.where(label_map == i, i, 0))
        for labels, single in zip(together, alone, strict=True):
            np.testing.assert_array_equal(np.where(labels == i, i, 0), single)


def test_encoder_runs_once_per_frame_without_retracing():
    model = FakeModel()
    segmenter = Segmenter(model)
    segmenter.add_objects(box(0, 0) + box(10, 20, value=2))
    for frame in frames(3):
        segmenter.step(frame)
    segmenter.add_object(box(20, 20))  # the number of objects grows
    for frame in frames(2):
        segmenter.step(frame)
    segmenter.reset()
    segmenter.add_object(box(20, 20, (64, 96)))  # another native size, same working size
    for frame in frames(2, (64, 96)):
        segmenter.step(frame)
    assert model.encoded.numpy() == 7
    assert model.traces == 3  # encode, initialize, step_features: one each


class WaitingModel(FakeModel):
    """Waits in the first frame, while `encode` is traced."""

    def __init__(self):
        super().__init__()
        self.entered, self.leave = threading.Event(), threading.Event()

    def encode(self, frames):
        self.entered.set()
        assert self.leave.wait(60)
        return super().encode(frames)


def test_second_thread_is_refused_and_the_first_continues():
    model = WaitingModel()
    segmenter, (frame,) = Segmenter(model), frames(1)
    segmenter.add_object(box(4, 4))
    thread = threading.Thread(target=segmenter.step, args=(frame,))
    thread.start()
    try:
        assert model.entered.wait(60)
        for method, argument in ((segmenter.step, frame), (segmenter.add_object, box(16, 16))):
            with pytest.raises(InputError, match="another thread is using this Segmenter; give"):
                method(argument)
    finally:
        model.leave.set()
        thread.join()
    assert (segmenter.frame_count, segmenter.object_ids) == (1, [1])
    np.testing.assert_array_equal(segmenter.step(frame), box(4, 5))


def test_gradients_are_not_recorded():
    model = FakeModel()
    segmenter = Segmenter(model)
    with tf.GradientTape() as tape:
        segmenter.add_object(box(0, 0))
        for frame in frames(2):
            segmenter.step(frame)
    assert tape.watched_variables() == ()


def test_segment_is_lazy_and_accepts_late_masks():
    seen = []

    def stream():
        for i, frame in enumerate(frames(4)):
            seen.append(i)
            yield frame

    results = Segmenter(FakeModel()).segment(stream(), {1: box(4, 4), 3: box(20, 20, value=2)})
    assert not next(results).any()
    assert seen == [0]
    rest = list(results)
    np.testing.assert_array_equal(rest[0], box(4, 4))
    np.testing.assert_array_equal(rest[2], box(4, 6) + box(20, 20, value=2))


def test_segment_ignores_masks_of_tracked_objects():
    masks = {0: box(4, 4), 1: box(20, 20) + box(0, 30, value=3)}
    _, second = Segmenter(FakeModel()).segment(frames(2), masks)
    np.testing.assert_array_equal(second, box(4, 5) + box(0, 30, value=3))


def test_segment_warns_of_masks_beyond_the_video():
    with pytest.warns(UserWarning, match="the mask of frame 2 was not used"):
        list(Segmenter(FakeModel()).segment(frames(2), {0: box(0, 0), 2: box(9, 9, value=2)}))


def test_one_frame_clip():
    (labels,) = Segmenter(FakeModel()).segment(frames(1), box(4, 4, value=3))
    np.testing.assert_array_equal(labels, box(4, 4, value=3))


@pytest.mark.parametrize("size", [(64, 36), (33, 47), (16, 24), (100, 20), (3, 5)])
def test_any_size_and_aspect(size):
    mask = np.ones(size, np.uint8)
    mask[: size[0] // 2] = 0
    for labels in Segmenter(FakeModel()).segment(frames(2, size), mask):
        assert labels.shape == size
        assert (labels[-1] == 1).all()
        assert not labels[0].any()


def test_explicit_size_need_not_fit_the_stride():
    segmenter = Segmenter(FakeModel(), size=(21, 35))  # padded to (24, 40) by the model
    mask = np.zeros((42, 70), np.uint8)
    mask[20:, :40] = 1
    first, second = segmenter.segment(frames(2, (42, 70)), mask)
    np.testing.assert_array_equal(first, mask)
    np.testing.assert_array_equal(second[:, 2:], mask[:, :-2])  # one pixel of 35 is two of 70


class FakeLearner:
    """Learns one weight, which below 0.5 makes the fake model lose its objects."""

    def __init__(self, model, config):
        self.model, self.config = FakeModel(), config
        self.calls = []

    def learn(self, learned, frame, masks, *, seed, on_progress):
        self.calls.append((dict(learned), frame.shape, masks.shape, seed))
        if on_progress is not None:
            on_progress(1, 1, 0.5)
        return {"0": np.float32(self.config.learning_rate)}

    def apply(self, learned):
        self.model.weights[0].assign(learned.get("0", 0.9))


def test_online_learning(monkeypatch, tmp_path):
    monkeypatch.setattr(learner, "OnlineLearner", FakeLearner)
    config, losses = OnlineLearningConfig(learning_rate=0.4), []
    base = FakeModel()
    segmenter = Segmenter(base, online_learning=config)
    segmenter.on_learning = lambda *values: losses.append(values)
    assert not segmenter.step(frames(1)[0]).any()  # nothing to learn yet
    segmenter.add_objects(box(4, 4) + box(16, 4, value=2))
    first, second = (segmenter.step(frame) for frame in frames(2))
    np.testing.assert_array_equal(first, box(4, 4) + box(16, 4, value=2))
    assert not second.any()
    segmenter.add_object(box(24, 24))
    segmenter.step(frames(1)[0])
    (before, *shapes, seed), (again, _, masks, later) = segmenter._stepper.learner.calls
    assert (before, shapes, seed) == ({}, [(*SIZE, 3), (2, *SIZE)], 1)
    assert (again, masks, later) == ({"0": np.float32(0.4)}, (1, *SIZE), 3)
    assert losses == [(1, 1, 0.5)] * 2
    assert base.weights[0].numpy() == np.float32(0.9)

    segmenter.save_state(tmp_path / "state")
    resumed = Segmenter(base, online_learning=config)
    resumed.restore(tmp_path / "state")
    assert not resumed.step(frames(1)[0]).any()
    assert resumed._stepper.learner.calls == []
    with pytest.raises(InputError, match="has weights from online learning"):
        Segmenter(base).restore(tmp_path / "state")


def test_state_size_is_constant():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    sizes = []
    for frame in frames(5):
        segmenter.step(frame)
        sizes.append(sum(array.nbytes for array in segmenter.state().values()))
    assert len(set(sizes)) == 1


def test_traced_functions_are_cached_for_few_sizes(caplog):
    model = FakeModel()
    segmenter = Segmenter(model)
    sizes = [(32, 48), (48, 32), (64, 24), (24, 64), (16, 96)]
    assert len(sizes) > MAX_SIZES
    for size in (*sizes, (16, 96), (32, 48)):  # (32, 48) is traced again, (16, 96) is not
        segmenter.reset()
        segmenter.add_object(np.ones(size))
        segmenter.step(np.zeros((*size, 3), np.uint8))
    assert model.traces == 2 * (len(sizes) + 1)
    assert "retracing" not in caplog.text


@pytest.mark.parametrize(("value", "level"), [(10.4, 10), (10.6, 11), (254.6, 255)])
def test_float_frames_are_rounded(value, level):
    assert (check_frame(np.full((2, 2, 3), value)) == level).all()
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    segmenter.step(np.full((*SIZE, 3), value))
    # The fake model loses objects where the frame is not above 10.
    assert segmenter.step(np.full((*SIZE, 3), value)).any() == (level > 10)


@pytest.mark.parametrize("late", [False, True])
def test_state_is_restored_exactly(tmp_path, late):
    model, (a, b, c, d) = FakeModel(), frames(4)
    segmenter = Segmenter(model)
    segmenter.add_objects(box(4, 4) + box(16, 4, value=7))
    segmenter.step(a)
    segmenter.step(b)
    if late:
        segmenter.add_object(box(24, 24), object_id=3)
    segmenter.save_state(tmp_path / "of.video")
    assert [file.name for file in tmp_path.iterdir()] == ["of.video"]
    expected = [segmenter.step(c), segmenter.step(d)]
    resumed = Segmenter(FakeModel())
    resumed.restore(tmp_path / "of.video")
    assert resumed.object_ids == segmenter.object_ids
    assert resumed.frame_count == 2
    np.testing.assert_array_equal([resumed.step(c), resumed.step(d)], expected)
    for key, value in segmenter.state().items():
        np.testing.assert_array_equal(resumed.state()[key], value)
    assert resumed._video.tensors["half"].dtype == tf.bfloat16


def test_restore_of_a_fresh_state_and_of_invalid_input(tmp_path):
    segmenter = Segmenter(FakeModel())
    segmenter.restore(Segmenter(FakeModel()).state())
    assert not segmenter.step(frames(1)[0]).any()
    with pytest.raises(InputError, match=r"not the state of a Segmenter.*Received: entries h"):
        segmenter.restore({"h": np.zeros(1)})
    with pytest.raises(InputError, match=r"absent: no such file"):
        segmenter.restore(tmp_path / "absent")
    (tmp_path / "text").write_text("not a state")
    with pytest.raises(InputError, match=r"text: is damaged, or not an \.npz file"):
        segmenter.restore(tmp_path / "text")
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"pickle\.npy: is damaged"):
        segmenter.restore(tmp_path / "pickle.npy")


def test_several_videos_in_turn():
    model = FakeModel()
    segmenter = Segmenter(model)
    videos = []
    for mask in (box(4, 4), box(16, 16, value=2)):
        segmenter.reset()
        segmenter.add_objects(mask)
        segmenter.step(frames(1)[0])
        videos.append(segmenter.video)
    for video, expected in zip(videos, [box(4, 5), box(16, 17, value=2)], strict=True):
        segmenter.restore(video)
        np.testing.assert_array_equal(segmenter.step(frames(1)[0]), expected)
    assert model.traces == 3


def test_restore_refuses_another_model_or_size():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    segmenter.step(frames(1)[0])
    state = segmenter.state()
    for other in (FakeModel(scale=0.8), FakeModel(input_size=(32, 40))):
        with pytest.raises(InputError, match="the state belongs to another model"):
            Segmenter(other).restore(state)
    with pytest.raises(InputError, match="size 32x48, but this Segmenter has 16x24"):
        Segmenter(FakeModel(), size=(16, 24)).restore(state)
    del state["tensor:mask"], state["object_ids"]
    other = Segmenter(FakeModel())
    with pytest.raises(InputError, match="the state of a Segmenter is damaged"):
        other.restore(state)
    assert other.object_ids == []


def test_vanishing_object_warns():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(0, 0, (320, 480), side=2))
    with pytest.warns(
        UserWarning, match=r"object 1 \(4 pixels\) vanishes at the working size 32x48"
    ):
        labels = segmenter.step(frames(1, (320, 480))[0])
    assert labels.sum() == 4


@pytest.mark.parametrize(
    ("mask", "object_id", "message"),
    [
        (np.zeros(SIZE), None, "mask of object 1: no object in it, every pixel is 0"),
        (box(0, 0) + box(20, 20, value=2), None, "2 ids found (1, 2, …) where one object is"),
        (box(0, 0, side=4, size=(16, 16)), None, "mask of object 1 is 16×16 pixels, but the video"),
        (np.full((*SIZE, 3), [1, 0, 0]), None, "colours found"),
        (np.linspace(0, 1, SIZE[1])[None].repeat(SIZE[0], 0), None, "fractions found"),
        (box(0, 0), 0, "an object id must be 1 to 254. Received: 0"),
        (box(0, 0), 255, "Received: 255"),
    ],
)
def test_add_object_errors(mask, object_id, message):
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(8, 8), 7)
    segmenter.step(frames(1)[0])
    with pytest.raises(InputError, match=re.escape(message)):
        segmenter.add_object(mask, object_id)
    assert segmenter.object_ids == [7]


def test_no_id_is_free():
    segmenter = Segmenter(FakeModel())
    labels = np.zeros(SIZE, np.uint8)
    labels.flat[:254] = range(1, 255)
    segmenter.add_objects(labels)
    with pytest.raises(InputError, match="at most 254 objects can be tracked; remove one first"):
        segmenter.add_object(box(8, 8))


def test_add_objects_errors_change_nothing():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(8, 8), 2)
    with pytest.raises(InputError, match="mask of object 1 is 16×16 pixels"):
        segmenter.add_objects(box(0, 0, size=(16, 16)) + box(0, 9, size=(16, 16), side=4, value=2))
    smooth = np.linspace(0, 255, 24, dtype=np.uint8).repeat(2)[None].repeat(32, 0)
    with pytest.raises(InputError, match="24 values found; was it resized with interpolation"):
        segmenter.add_objects(smooth)
    assert segmenter.object_ids == [2]
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), box(8, 8, value=2))


def test_mask_for_a_tracked_object_corrects_it():
    segmenter = Segmenter(FakeModel())
    segmenter.add_objects(box(0, 0, value=4) + box(10, 20, value=5) + box(20, 4, value=6))
    for frame in frames(2):
        segmenter.step(frame)
    assert segmenter.add_object(box(2, 30), object_id=5) == 5
    for moved in range(3):  # the old box of object 5 is gone; the others keep moving
        expected = (
            box(0, 2 + moved, value=4) + box(2, 30 + moved, value=5) + box(20, 6 + moved, value=6)
        )
        np.testing.assert_array_equal(segmenter.step(frames(1)[0]), expected)
    assert segmenter.object_ids == [4, 5, 6]
    ages = np.ravel(segmenter.video.tensors["age"])
    np.testing.assert_array_equal(ages, [4, 4, 4])  # the state of object 5 is kept


def test_corrected_object_hides_no_other(monkeypatch):
    """Its prediction is wrong, so it does not count where another object is predicted, too."""
    given, correct = [], FrameFunctions.correct

    def record(self, frame, masks, *rest):
        given.append(masks)
        return correct(self, frame, masks, *rest)

    monkeypatch.setattr(FrameFunctions, "correct", record)
    model = FakeModel()
    model.config.sees_others = True
    segmenter = Segmenter(model)
    for top in (4, 8):  # they overlap
        segmenter.add_object(box(top, 4))
    segmenter.step(frames(1)[0])
    segmenter.add_object(box(20, 30), object_id=1)
    labels = segmenter.step(frames(1)[0])
    np.testing.assert_array_equal(labels, box(20, 30) + box(8, 5, value=2))
    np.testing.assert_array_equal(given, [[box(20, 30), box(8, 5)]])
    segmenter.add_objects(box(0, 0) + box(16, 16, value=2))  # none is left over
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), box(0, 0) + box(16, 16, value=2))


def test_confidence_is_of_the_latest_frame():
    segmenter = Segmenter(FakeModel())
    assert segmenter.confidence == {}
    segmenter.add_objects(box(0, 0, value=4) + box(10, 20, value=5))
    assert segmenter.confidence == {}  # before the first frame
    segmenter.step(frames(1)[0])
    assert segmenter.confidence == {4: 1.0, 5: 1.0}
    segmenter.add_object(box(10, 20), object_id=5)
    segmenter.step(frames(1)[0])
    assert segmenter.confidence == {4: 0.5, 5: 1.0}


def test_last_mask_for_an_object_wins():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(0, 0))
    segmenter.add_object(box(16, 16), object_id=1)
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), box(16, 16))


def test_objects_can_be_removed():
    segmenter = Segmenter(FakeModel())
    segmenter.add_objects(box(0, 0, value=4) + box(10, 20, value=5))
    segmenter.step(frames(1)[0])
    segmenter.remove_object(4)
    assert segmenter.object_ids == [5]
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), box(10, 21, value=5))
    segmenter.add_object(box(0, 0), object_id=4)  # the id is free again
    segmenter.remove_object(5)
    segmenter.remove_object(4)  # before the frame it was given for
    with pytest.raises(InputError, match=r"object 5 is not tracked.*Tracked: none"):
        segmenter.remove_object(5)
    assert not segmenter.step(frames(1)[0]).any()
    assert segmenter.frame_count == 3


def test_new_and_corrected_objects_see_each_other(monkeypatch):
    given = {}

    def record(name):
        real = getattr(FrameFunctions, name)

        def recorded(self, frame, masks, *rest):
            given[name] = masks
            return real(self, frame, masks, *rest)

        monkeypatch.setattr(FrameFunctions, name, recorded)

    record("initialize")
    record("correct")
    model = FakeModel()
    model.config.sees_others = True
    segmenter = Segmenter(model)
    segmenter.add_object(box(4, 4))
    segmenter.step(frames(1)[0])
    segmenter.add_objects(box(0, 0) + box(20, 20, value=2))
    labels = segmenter.step(frames(1)[0])
    np.testing.assert_array_equal(labels, box(0, 0) + box(20, 20, value=2))
    np.testing.assert_array_equal(given["correct"], [box(0, 0), box(20, 20)])
    np.testing.assert_array_equal(given["initialize"], [box(20, 20), box(0, 0)])
    assert [len(x) for x in segmenter.video.tensors.values()] == [2] * len(segmenter.video.tensors)


def test_segment_refuses_corrections_of_unknown_objects():
    clip = Segmenter(FakeModel()).segment(frames(4), box(4, 4), {2: box(20, 20, value=2)})
    with pytest.raises(InputError, match="correction of frame 2: object 2 has no first mask"):
        list(clip)


def test_segment_accepts_corrections():
    results = list(
        Segmenter(FakeModel()).segment(frames(4), box(4, 4), {2: box(20, 20), 3: box(0, 0)})
    )
    for labels, expected in zip(
        results, [box(4, 4), box(4, 5), box(20, 20), box(0, 0)], strict=True
    ):
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((32, 50, 3), np.uint8), "frame 1 is 50×32 pixels, but the video is 48×32"),
        (np.zeros(SIZE, np.uint8), "frame 1: a frame must be RGB with shape (H, W, 3)"),
        (np.zeros((*SIZE, 4), np.uint8), "Received: (32, 48, 4)"),
        (np.zeros((*SIZE, 3), np.int32), "uint8, or float in 0–255. Received: int32"),
        (np.full((*SIZE, 3), 256.0), "must be in 0–255. Received: values from 256 to 256"),
        (np.full((*SIZE, 3), -1.0), "Received: values from -1"),
        (np.full((*SIZE, 3), np.nan), "Received: values from nan"),
        (np.full((*SIZE, 3), 0.5), "look scaled to 0–1; multiply them by 255"),
    ],
)
def test_step_errors_change_nothing(frame, message):
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(4, 4))
    segmenter.step(frames(1)[0])
    with pytest.raises(InputError, match=re.escape(message)):
        segmenter.step(frame)
    np.testing.assert_array_equal(segmenter.step(frames(1)[0]), box(4, 5))


def test_mask_of_a_different_size_than_the_first_frame():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(box(0, 0, size=(16, 16)))
    with pytest.raises(
        InputError, match="mask of object 2 is 48×32 pixels, but the video is 16×16"
    ):
        segmenter.add_object(box(0, 0))
    with pytest.raises(
        InputError, match="mask of object 1 is 16×16 pixels, but the video is 48×32"
    ):
        segmenter.step(frames(1)[0])


@pytest.mark.parametrize("size", [(256,), (4, 64)])
def test_explicit_size_errors(size):
    with pytest.raises(InputError, match=r"size must be \(height, width\), each at least 8 pixels"):
        Segmenter(FakeModel(), size=size)
