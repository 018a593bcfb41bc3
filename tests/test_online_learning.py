import dataclasses

import numpy as np
import pytest
from models_helper import new_model, small_model

from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter
from ytvos_keras.inference.adaptation import config, examples
from ytvos_keras.inference.adaptation import learner as learner_module
from ytvos_keras.inference.adaptation.affine import affine_clip
from ytvos_keras.inference.adaptation.config import ONLINE_LEARNING, OnlineLearningConfig
from ytvos_keras.inference.adaptation.examples import is_cut
from ytvos_keras.inference.adaptation.learner import OnlineLearner
from ytvos_keras.inference.adaptation.student import Student
from ytvos_keras.losses import LOSSES

SIZE = (64, 96)
QUICK = OnlineLearningConfig(steps=3, learning_rate=1e-2, clip_norm=1.0)


def make_frame():
    """A light and a dark square over noise."""
    frame = np.random.default_rng(0).integers(80, 160, (*SIZE, 3), np.uint8)
    frame[10:34, 10:34], frame[30:54, 60:84] = 230, 20
    masks = np.zeros((2, *SIZE), np.uint8)
    masks[0, 10:34, 10:34] = masks[1, 30:54, 60:84] = 1
    return frame, masks


@pytest.fixture(scope="module")
def base():
    return new_model("lite")


@pytest.fixture(scope="module")
def learner(base):
    """Shared by all tests, so that its step is traced only once."""
    return OnlineLearner(base, QUICK)


@pytest.fixture(scope="module")
def learned(learner):
    return learner.learn({}, *make_frame())


@pytest.fixture
def with_config(learner, monkeypatch):
    """Give the learner other settings, on which its compiled step does not depend."""

    def change(**changes):
        monkeypatch.setattr(learner, "config", dataclasses.replace(QUICK, **changes))
        return learner

    return change


def weights_of(part):
    return [weight.numpy() for weight in part.weights]


def changed(part, before):
    return any((now != then).any() for now, then in zip(weights_of(part), before, strict=True))


def test_three_parts_learn_but_the_conv_lstm_does_not(base, learner, learned):
    model = learner.model
    parts = ("initializer", "encoder", "decoder", "conv_lstm", "memory")
    learner.apply({})
    before = {part: weights_of(getattr(model, part)) for part in parts}
    backbone = weights_of(model.encoder.backbone)
    learner.apply(learned)
    found = {part: changed(getattr(model, part), before[part]) for part in parts}
    assert found == {
        "initializer": True,
        "encoder": True,
        "decoder": True,
        "conv_lstm": False,
        "memory": False,
    }
    assert not changed(model.encoder.backbone, backbone)  # frozen in this model


def test_base_weights_are_restored(base, learner, learned):
    learner.apply(learned)
    learner.apply({})
    for back, then in zip(learner.model.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_array_equal(back, then)


def test_interrupted_assignment_is_not_relied_on(learner, learned, monkeypatch):
    none = {}
    learner.apply(none)
    before = learner.model.get_weights()
    assign = learner_module._assign

    def interrupt(model, weights):
        assign(model, weights)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(learner_module, "_assign", interrupt)
        with pytest.raises(KeyboardInterrupt):
            learner.apply(learned)
    learner.apply(none)
    for mine, expected in zip(learner.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_learning_does_not_change_the_predicting_model(base, learner):
    learner.apply({})
    before = learner.model.get_weights()
    base_before = base.get_weights()
    learner.learn({}, *make_frame())
    for model, weights in ((learner.model, before), (base, base_before)):
        for now, then in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(now, then)


def test_result_depends_on_the_seed(learner, learned):
    frame, masks = make_frame()
    again = learner.learn({}, frame, masks)
    other = learner.learn({}, frame, masks, seed=1)
    assert again.keys() == learned.keys() == other.keys()
    for key in learned:
        np.testing.assert_array_equal(again[key], learned[key])
    assert any((other[key] != learned[key]).any() for key in learned)


def test_learning_continues_from_learned_weights(learner, learned):
    frame, masks = make_frame()
    further = learner.learn(learned, frame, masks[:1], seed=1)
    fresh = learner.learn({}, frame, masks[:1], seed=1)
    assert any((further[key] != fresh[key]).any() for key in learned)


def test_weights_of_other_parts_are_kept_but_do_not_stay(base, learner, learned):
    """A state from a run that also trained the ConvLSTM's input, say."""
    weights = base.get_weights()
    other = next(str(n) for n in range(len(weights)) if str(n) not in learned)
    foreign = learned | {other: weights[int(other)] + 1}
    further = learner.learn(foreign, *make_frame())
    assert further.keys() == foreign.keys()
    np.testing.assert_array_equal(further[other], foreign[other])
    learner.apply(foreign)
    learner.apply({})
    for mine, expected in zip(learner.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, expected)
    again = learner.learn({}, *make_frame())
    for key in learned:
        np.testing.assert_array_equal(again[key], learned[key])


def test_loss_falls_and_is_reported(with_config):
    calls = []
    learner = with_config(steps=15)  # for each of the two objects
    learner.learn({}, *make_frame(), on_progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(n, 30) for n in range(1, 31)]
    losses = [loss for _, _, loss in calls]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_time_limit_ends_learning_early(with_config):
    calls = []
    learner = with_config(steps=1000, time_limit=1e-6)
    learner.learn({}, *make_frame(), on_progress=lambda *call: calls.append(call))
    assert 1 <= len(calls) <= 2


def test_no_objects_learns_nothing(learner, learned):
    frame, masks = make_frame()
    assert learner.learn(learned, frame, 0 * masks) is learned


@pytest.mark.parametrize("edge", [np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]])
def test_object_at_the_border_is_cut(edge):
    mask = make_frame()[1][0]
    assert not is_cut(mask)
    mask[edge] = 1
    assert is_cut(mask)


@pytest.mark.parametrize(("room", "cut"), [(1, True), (2, False)])
def test_border_is_a_hundredth_of_the_side(room, cut):
    mask = np.zeros((200, 150), np.uint8)
    mask[room : room + 20, 60:80] = 1
    assert is_cut(mask) is cut


def test_cut_objects_are_not_learned_but_remain_in_the_scene(with_config, monkeypatch):
    frame, masks = make_frame()
    masks[0, 10:34, :10] = 1
    drawn, calls = [], []

    def scene_clip(rng, frame, masks, target, length, ranges):
        drawn.append((len(masks), target))
        return affine_clip(rng, frame, masks[target], length, QUICK.affine)

    monkeypatch.setattr(examples, "scene_clip", scene_clip)
    learner = with_config(examples="scenes", cut_objects=False)
    learner.learn({}, frame, masks, on_progress=lambda *call: calls.append(call))
    assert drawn == [(2, 1)] * 3
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    with pytest.warns(UserWarning, match="nothing is learned online: the objects reach the border"):
        assert learner.learn({}, frame, masks[:1]) == {}


def test_failed_learning_is_discarded(learner, learned, monkeypatch):
    monkeypatch.setattr(learner._student, "step", lambda *_: float("nan"))
    with pytest.warns(UserWarning, match=r"failed at step 1 \(loss nan\).*smaller learning rate"):
        assert learner.learn(learned, *make_frame()) is learned


def test_cached_features_give_the_same_loss_and_leave_the_backbone():
    """Uses the paper's network, where the backbone would otherwise be trained."""
    config = dataclasses.replace(QUICK, parts=("encoder", "decoder"), cached_clips=2)
    learner = OnlineLearner(small_model("paper"), config)
    student = learner._student
    frame, masks = make_frame()
    clip = {"frames": np.stack([frame, frame[:, ::-1]]), "mask": masks[:2, ..., None]}
    batch = {name: x[None] for name, x in student.prepare(clip).items() if name == "mask"}
    batch |= {
        name: {key: x[None] for key, x in student.prepare(clip)[name].items()}
        for name in ("maps", "state")
    }
    np.testing.assert_allclose(
        student._cached_logits(batch),
        student._logits({name: x[None] for name, x in clip.items()}),
        rtol=1e-4,
        atol=1e-5,
    )
    backbone = weights_of(learner.model.encoder.backbone)
    encoder = weights_of(learner.model.encoder)
    initializer = weights_of(learner.model.initializer)
    learner.apply(learner.learn({}, frame, masks))
    assert changed(learner.model.encoder, encoder)
    assert not changed(learner.model.encoder.backbone, backbone)
    assert not changed(learner.model.initializer, initializer)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("paper", {"parts": ("memory",)}, "no memory to train"),
        ("mask-as-state", {"parts": ("initializer",)}, "none of initializer has weights"),
        ("mask-as-input", {"cached_clips": 1}, "features cannot be cached"),
        ("paper", {"cached_clips": 1}, "a separate backbone, whose output is cached"),
    ],
)
def test_parts_that_cannot_be_learned(kind, changes, message):
    with pytest.raises(InputError, match=message):
        Student(small_model(kind), dataclasses.replace(QUICK, **changes))


def test_float16_is_refused():
    model = new_model("lite", dtype="mixed_float16")
    with pytest.raises(InputError, match="does not scale its loss, which mixed_float16 needs"):
        Student(model, QUICK)
    Student(model, dataclasses.replace(QUICK, precision="float32"))


def test_state_of_a_bfloat16_model_that_learns_in_float32():
    model, (frame, masks) = new_model("lite", dtype="bfloat16"), make_frame()
    config = dataclasses.replace(QUICK, steps=1, precision="float32")
    segmenter = Segmenter(model, SIZE, online_learning=config)
    segmenter.add_object(masks[0])
    segmenter.step(frame)
    resumed = Segmenter(model, SIZE, online_learning=config)
    resumed.restore(segmenter.state())
    np.testing.assert_array_equal(resumed.step(frame), segmenter.step(frame))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": "videos"}, "examples must be one of affine, scenes. Received: 'videos'"),
        ({"parts": ("conv_lstm",)}, "the ConvLSTM is never trained. Received: ('conv_lstm',)"),
        ({"parts": ()}, "parts must be among"),
        ({"steps": 0}, "steps must be at least 1. Received: 0"),
        ({"clip_length": 1}, "clip_length must be at least 2. Received: 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0. Received: 0.0"),
        ({"scale": float("nan")}, "scale must be above 0. Received: nan"),
        ({"cached_clips": 2, "batch_size": 4}, "cached_clips must be at least batch_size"),
    ],
)
def test_invalid_settings(changes, message):
    with pytest.raises(ValueError) as error:
        OnlineLearningConfig(**changes)
    assert message in str(error.value)


def test_named_settings_never_train_the_conv_lstm():
    assert list(ONLINE_LEARNING) == ["paper", "full", "cheap"]
    assert all("conv_lstm" not in config.parts for config in ONLINE_LEARNING.values())


def test_paper_settings_follow_the_paper():
    paper = ONLINE_LEARNING["paper"]
    assert paper == OnlineLearningConfig()
    assert (paper.examples, paper.clip_length, paper.loss) == ("affine", 2, "cross-entropy")
    assert paper.parts == ("initializer", "encoder", "decoder")
    assert (paper.final_rate, paper.clip_norm, paper.time_limit) == (1.0, None, None)


@pytest.mark.parametrize(("final_rate", "end"), [(1.0, 1e-2), (0.1, 1e-3)])
def test_learning_rate_is_constant_or_decays(with_config, final_rate, end):
    rate = with_config(final_rate=final_rate)._rate
    assert (rate(0.0), rate(1.0)) == pytest.approx((1e-2, end))
    assert rate(0.5) == pytest.approx((1e-2 + end) / 2)


def test_loss_names_match_those_of_training():
    assert config._CHOICES["loss"] == tuple(LOSSES)
