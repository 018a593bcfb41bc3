"""Clips with several objects: in a dataset, in a loss, and in the model."""

import numpy as np
import pytest
from models_helper import make_clip, new_model, sigmoid, small_model
from records import make_video, write_records

from ytvos_keras import Segmenter, make_dataset
from ytvos_keras.data import Augmentation, SyntheticConfig, TeacherForcing
from ytvos_keras.data.draw_clips import draw_clips
from ytvos_keras.inference.frame_functions import FrameFunctions
from ytvos_keras.inference.sizes import resize_frame, resize_mask
from ytvos_keras.layers.objects import exclusive, sum_of_others
from ytvos_keras.losses import LiteLoss, MaskCrossentropy
from ytvos_keras.metrics import MeanJ
from ytvos_keras.training.tensorboard_log import draw_prediction

SIZE = (32, 64)


def two_boxes(batch=1, length=3):
    """A clip with a second object that touches the first on its right."""
    clip = make_clip(batch, length)
    second = np.zeros_like(clip["mask"])
    second[:, 10:30, 40:60] = 1
    return {**clip, "mask": np.concatenate([clip["mask"], second], axis=-1)}


def test_sums_are_over_the_other_rows_of_a_clip():
    rows = np.arange(6, dtype="float32").reshape(6, 1)
    np.testing.assert_array_equal(sum_of_others(rows, 3)[:, 0], [3, 2, 1, 9, 8, 7])
    np.testing.assert_array_equal(sum_of_others(rows, 1), np.zeros((6, 1)))


def test_exclusive_probabilities_of_certain_objects():
    logits = np.array([45.0, 35.0, -5.0], "float32").reshape(3, 1)
    assert np.sum(exclusive(logits, 3)) <= 1 + 1e-6
    np.testing.assert_allclose(exclusive(logits[:1], 1), [[1.0]])
    # Two certain objects still differ: 45 − 35 and 35 − 45.
    np.testing.assert_allclose(
        np.array(exclusive(logits[:2], 2))[:, 0], sigmoid([10, -10]), atol=1e-5
    )
    # The sum of 254 objects does not overflow.
    equal = exclusive(np.full((254, 1), 1000.0, "float32"), 254)
    np.testing.assert_allclose(equal, np.full((254, 1), 1 / 254), rtol=1e-3)


@pytest.mark.parametrize("kind", ["lite", "lite-alone"])
def test_clip_equals_its_steps_with_shared_frames(kind):
    model, clip = small_model(kind), two_boxes()
    logits = np.array(model(clip))
    assert logits.shape == (1, 2, 40, 70, 2)
    state = model.initialize(clip["frames"][:, 0], clip["mask"][0].transpose(2, 0, 1)[..., None])
    for t in (1, 2):
        probabilities, state = model.step(clip["frames"][:, t], state)
        expected = 1 / (1 + np.exp(-logits[0, t - 1].transpose(2, 0, 1)))
        np.testing.assert_allclose(np.array(probabilities)[..., 0], expected, atol=1e-5)


def test_other_objects_change_a_model_that_sees_them():
    alone, beside = ({**two_boxes(), "mask": two_boxes()["mask"][..., :n]} for n in (1, 2))
    changes = {}
    for kind in ("paper", "lite", "lite-alone"):
        model = small_model(kind)
        one, two = np.array(model(alone)), np.array(model(beside))[..., :1]
        # The first prediction depends only on the given masks.
        changes[kind] = [np.abs(one - two)[:, t].max() for t in (0, 1)]
    assert max(changes["paper"]) < 1e-4
    unaware = changes["lite-alone"]
    assert unaware[0] < 1e-4 < unaware[1]  # joined masks enter the memory
    assert changes["lite"][0] > 1e-4


def test_clips_of_a_batch_are_independent():
    model, clip = small_model("lite"), two_boxes(batch=2)
    clip["frames"][1] = 255 - clip["frames"][1]
    clip["mask"][1, ..., 1] = 0
    together = np.array(model(clip))
    for n in range(2):
        single = np.array(model({name: value[n : n + 1] for name, value in clip.items()}))
        np.testing.assert_allclose(together[n : n + 1], single, atol=1e-4)


@pytest.mark.parametrize("kind", ["lite", "lite-alone"])
@pytest.mark.parametrize("recompute", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_object_that_the_clip_lacks_does_not_change_the_others(kind, recompute):
    clip = two_boxes(batch=2)
    clip["mask"][..., 1] = 0
    model = new_model(kind)
    model.recompute = recompute
    two = np.array(model(clip, training=True))
    alone = np.array(model({**clip, "mask": clip["mask"][..., :1]}, training=True))
    np.testing.assert_allclose(two[..., :1], alone, atol=1e-4)
    assert np.ptp(two[..., 1]) > 0.01  # its own logits are not fixed


def test_given_objects_see_those_that_are_tracked():
    model, clip = small_model("lite"), two_boxes()
    frames, (first, second) = clip["frames"][0], clip["mask"][0].transpose(2, 0, 1)
    segmenter = Segmenter(model, size=(32, 64))
    given = []
    initialize, correct = FrameFunctions.initialize, FrameFunctions.correct
    with pytest.MonkeyPatch.context() as patch:
        for name, method in (("initialize", initialize), ("correct", correct)):

            def record(self, frame, masks, *rest, method=method):
                given.append(masks)
                return method(self, frame, masks, *rest)

            patch.setattr(FrameFunctions, name, record)
        segmenter.add_object(first, 1)
        segmenter.step(frames[0])
        tracked = probabilities_of(segmenter, frames[1])
        segmenter.add_object(second, 2)
        segmenter.step(frames[1])
        segmenter.add_object(first, 1)
        segmenter.step(frames[2])
    assert [len(masks) for masks in given] == [1, 2, 2]  # begun, begun beside 1, corrected beside 2
    small = resize_mask(second, (32, 64))
    np.testing.assert_array_equal(given[1], [small, (tracked > 0.5) & (small == 0)])
    assert not (given[2][0] & given[2][1]).any()
    assert given[1][1].any()
    assert segmenter.video.tensors["h"].shape[0] == 2


def probabilities_of(segmenter, frame):
    """The next map of the only object at the working size, without a step."""
    features = segmenter.model.encode(resize_frame(frame, (32, 64))[None])
    return np.array(segmenter.model.step_features(features, segmenter.video.tensors)[0])[0, ..., 0]


@pytest.mark.slow
def test_recomputation_gives_the_same_result():
    model, clip = new_model("lite"), two_boxes(batch=2)
    expected = np.array(model(clip, training=True))
    model.recompute = True
    np.testing.assert_allclose(model(clip, training=True), expected, atol=1e-4)


@pytest.mark.parametrize("loss", [MaskCrossentropy(), LiteLoss(), None])
def test_losses_and_metrics_are_means_over_objects(loss):
    """With zero weight for one of two objects, the value is that of the other."""

    def value(truth, logits, weights):
        if loss is not None:
            return float(loss(truth, logits, weights))
        metric = MeanJ()
        metric.update_state(truth, logits, weights)
        return float(metric.result())

    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, (2, 3, 8, 16, 2)).astype("float32")
    logits = generator.normal(size=truth.shape).astype("float32")
    each = [value(truth[..., k : k + 1], logits[..., k : k + 1], np.ones((2, 3))) for k in (0, 1)]
    weights = np.ones((2, 3, 2))
    assert value(truth, logits, weights) == pytest.approx(np.mean(each), rel=1e-5)
    weights[..., 1] = 0
    assert value(truth, logits, weights) == pytest.approx(each[0], rel=1e-5)


@pytest.fixture
def videos(tmp_path):
    """One video with three objects and one with a single object."""
    frames = np.random.default_rng(0).integers(0, 256, (8, *SIZE, 3), np.uint8)
    masks = np.zeros((8, *SIZE), np.uint8)
    masks[:, 4:20, 4:20] = 1
    single = masks.copy()
    masks[:, 4:20, 24:40] = 2
    masks[4:, 4:20, 44:60] = 3
    found = [make_video("three", frames, masks), make_video("one", frames, single)]
    return write_records(found, tmp_path / "videos")


def test_objects_of_a_video(videos):
    clips = make_dataset(videos, clip_length=3, size=SIZE, batch_size=8, objects=3, augment=False)
    seen = set()
    for inputs, targets, weights in clips.take(4):
        assert inputs["mask"].shape == (8, *SIZE, 3)
        assert targets.shape == (8, 2, *SIZE, 3)
        present = np.array(inputs["mask"]).any((1, 2))
        assert present[:, 0].all()
        np.testing.assert_array_equal(weights, present[:, None] * np.ones((1, 2, 1)))
        # Objects do not overlap, and one that appears later has no mask.
        assert np.array(targets).sum(-1).max() == 1
        np.testing.assert_array_equal(np.array(targets).any((2, 3)), np.array(weights) > 0)
        seen |= set(present.sum(1).tolist())
    assert seen == {1, 2, 3}


def test_void_pixels_are_not_an_object(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, *SIZE, 3), np.uint8)
    masks = np.zeros((6, *SIZE), np.uint8)
    masks[:, 4:20, 4:20], masks[:, 4:20, 24:40], masks[:, 4:20, 44:60] = 1, 2, 255
    records = write_records([make_video("void", frames, masks)], tmp_path / "void")
    clips = make_dataset(records, clip_length=2, size=SIZE, batch_size=8, objects=3, augment=False)
    inputs, _, weights = next(iter(clips))
    assert not np.array(inputs["mask"])[:, :, 44:60].any()
    np.testing.assert_array_equal(np.array(weights)[:, 0], [[1, 1, 0]] * 8)


def test_clips_are_drawn_with_all_objects(videos):
    clips = make_dataset(videos, clip_length=3, size=SIZE, batch_size=1, objects=3, augment=False)
    batches = clips.as_numpy_iterator()
    batch = next(b for b in batches if b[0]["mask"].any((1, 2)).sum() > 1)
    drawn = np.array(draw_clips(batch))[: SIZE[0], : SIZE[1]].astype(float)
    frame, masks = batch[0]["frames"][0, 0], batch[0]["mask"][0] > 0
    np.testing.assert_array_equal((drawn != frame).any(-1), masks.any(-1))
    means = [(drawn - frame)[masks[..., k]].mean(0) for k in (0, 1)]
    assert np.abs(means[0] - means[1]).max() > 20  # in two colours
    picture = draw_prediction(small_model("lite"), batch)
    assert picture.size == (3 * (SIZE[1] + 4), 2 * (SIZE[0] + 4))


@pytest.mark.slow
def test_objects_of_images(tmp_path):
    generator = np.random.default_rng(0)
    pictures = []
    for n in range(3):
        picture = generator.integers(0, 256, (48, 64, 3), np.uint8)
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 10:40] = 1
        pictures.append(make_video(f"picture{n}", [picture], [mask]))
    records = write_records(pictures, tmp_path / "pictures")
    config = SyntheticConfig(whole_picture=0, distractors=(0, 0, 1), disappear=0)
    augment = Augmentation(pictures=config)
    options = {"clip_length": 3, "size": SIZE, "batch_size": 8, "augment": augment}
    single, _, _ = next(iter(make_dataset(records, **options)))
    inputs, targets, weights = next(iter(make_dataset(records, objects=3, **options)))
    np.testing.assert_array_equal(inputs["frames"], single["frames"])
    np.testing.assert_array_equal(inputs["mask"][..., :1], single["mask"])
    masks = np.concatenate([np.array(inputs["mask"])[:, None], targets], axis=1)
    assert masks.sum(-1).max() == 1  # each pixel belongs to at most one object
    present = masks[:, 0].any((1, 2))
    np.testing.assert_array_equal(present, np.array(weights)[:, 0] > 0)
    assert present.sum() > 12
    assert (np.diff(present.astype(int), axis=1) <= 0).all()  # present objects come first


def test_teacher_forcing_requires_a_single_object(videos):
    with pytest.raises(ValueError, match="objects must be 1 or more, and 1 with teacher_forcing"):
        make_dataset(videos, objects=2, teacher_forcing=TeacherForcing())
