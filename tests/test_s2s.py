import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from models_helper import SMALL, make_clip, new_model, sigmoid, small_model

from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.models import PRESETS, S2S, S2SConfig
from ytvos_keras.training.fused_adam import FusedAdam

both = pytest.mark.parametrize("kind", ["paper", "lite"])
each = pytest.mark.parametrize("kind", list(SMALL))


def run_steps(model, clip):
    """Probabilities of frames 1…T−1, computed step by step: (B, T − 1, H, W, 1)."""
    state = model.initialize(clip["frames"][:, 0], clip["mask"])
    probabilities = []
    for t in range(1, clip["frames"].shape[1]):
        p, state = model.step(clip["frames"][:, t], state)
        probabilities.append(np.array(p))
    return np.stack(probabilities, axis=1)


def relative_difference(a, b):
    return np.abs(np.array(a) - np.array(b)).max() / np.abs(a).max()


def test_paper_preset_has_the_papers_sizes():
    model = S2S(PRESETS["s2s-vgg16"])
    # VGG-16 convolutions: Σ 9 · in · out + out over configuration D.
    vgg = 14_714_688
    # fc6 and each head after it are 1×1 convolutions: in · out + out.
    fc6, head = 512 * 4096 + 4096, 4096 * 512 + 512
    assert model.encoder.count_params() == vgg + fc6 + head
    # One extra input channel in the first convolution (64 filters, 3×3), and two heads.
    assert model.initializer.count_params() == vgg + 9 * 64 + fc6 + 2 * head
    # Four gates, each with 512 input and 512 hidden channels, 3×3.
    assert model.conv_lstm.count_params() == 2 * 9 * 512 * (4 * 512) + 4 * 512
    # 5×5 kernels: 512 → 512 → 256 → 128 → 64 → 64 → 1.
    channels = [512, 512, 256, 128, 64, 64, 1]
    decoder = sum(25 * a * b + b for a, b in itertools.pairwise(channels))
    assert model.decoder.count_params() == decoder
    assert model.count_params() == 69_761_281
    state = model.initialize(np.zeros((1, 256, 448, 3), "uint8"), np.ones((1, 256, 448, 1)))
    assert {k: tuple(v.shape) for k, v in state.items()} == dict.fromkeys("hc", (1, 8, 14, 512))


def test_mask_as_initial_state_is_the_reshaped_mask():
    model = S2S(dataclasses.replace(SMALL["mask-as-state"], state_filters=512))
    mask = np.random.default_rng(0).integers(0, 2, (1, 32, 64, 1)).astype("uint8")
    state = model.initialize(np.zeros((1, 32, 64, 3), "uint8"), mask)
    together = np.concatenate([state["c"], state["h"]], axis=-1)  # (1, 1, 2, 1024)
    cells = [together[0, 0, n].reshape(32, 32) for n in range(2)]
    np.testing.assert_array_equal(np.concatenate(cells, axis=1), mask[0, :, :, 0])


def test_encoder_with_masks_shares_the_initializers_backbone():
    model = small_model("mask-as-input")
    assert model.encoder.backbone is model.initializer.backbone
    assert model.count_params() < small_model("paper").count_params() * 0.6


def test_small_preset_is_small():
    model = S2S(PRESETS["s2s-lite"])
    assert model.count_params() <= 6_000_000
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert model.encoder.backbone.count_params() == 2_940_144
    frozen = 2_940_144 + model.confidence.count_params()  # the confidence head is fitted separately
    assert model.count_params() - trainable == frozen


@each
def test_clip_equals_its_steps(kind):
    model, clip = small_model(kind), make_clip(length=8)
    logits = model(clip)
    assert logits.shape == (2, 7, 40, 70, 1)
    assert logits.dtype == "float32"
    np.testing.assert_allclose(sigmoid(logits), run_steps(model, clip), atol=1e-5)


def test_clip_equals_its_steps_with_skips_but_no_memory():
    config = dataclasses.replace(SMALL["lite"], memory_frames=0, sees_others=False)
    model, clip = S2S(config), make_clip(length=4)
    np.testing.assert_allclose(sigmoid(model(clip)), run_steps(model, clip), atol=1e-5)


@pytest.mark.parametrize(("bias", "stored"), [(-10.0, False), (10.0, True)])
def test_frames_in_which_an_object_is_lost_are_not_remembered(bias, stored):
    model, clip = new_model("lite"), make_clip(length=8)
    model.confidence.to_logit.bias.assign([bias])
    state, probabilities = model.initialize(clip["frames"][:, 0], clip["mask"]), []
    for t in range(1, 8):
        p, state = model.step(clip["frames"][:, t], state)
        probabilities.append(np.array(p))
    np.testing.assert_allclose(sigmoid(model(clip)), np.stack(probabilities, axis=1), atol=1e-5)
    assert (np.array(state["bank_age"])[:, 1] >= 0).all() == stored


@each
def test_clip_of_unknown_length_and_size_in_a_graph(kind):
    model = small_model(kind)
    signature = {
        "frames": tf.TensorSpec((None, None, None, None, 3), tf.uint8),
        "mask": tf.TensorSpec((None, None, None, 1), tf.uint8),
    }
    call = tf.function(model, input_signature=[signature])
    for clip in (make_clip(), make_clip(1, 2, 33, 64)):
        np.testing.assert_allclose(call(clip), model(clip), atol=1e-4)


@both
def test_two_frames_are_the_shortest_clip(kind):
    clip = make_clip(length=2)
    assert small_model(kind)(clip).shape == (2, 1, 40, 70, 1)


@each
def test_objects_of_a_batch_are_independent(kind):
    model, clip = small_model(kind), make_clip(batch=2, length=3)
    clip["mask"][1] = np.roll(clip["mask"][1], 7, axis=1)
    together = run_steps(model, clip)
    for n in range(2):
        alone = run_steps(model, {name: x[n : n + 1] for name, x in clip.items()})
        np.testing.assert_allclose(together[n : n + 1], alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["paper", "mask-as-state", "mask-as-input", "lite-alone"])
def test_one_encoder_pass_serves_all_objects(kind):
    model, clip = small_model(kind), make_clip(batch=1)
    masks = np.concatenate([clip["mask"], np.roll(clip["mask"], 9, axis=2)])
    frames = clip["frames"]
    state = model.initialize(frames[:, 0], masks, features=model.encode(frames[:, 0]))
    repeated = model.initialize(np.repeat(frames[:, 0], 2, axis=0), masks)
    for name in repeated:
        np.testing.assert_allclose(state[name], repeated[name], atol=1e-5)
    shared, _ = model.step_features(model.encode(frames[:, 1]), state)
    expected, _ = model.step(np.repeat(frames[:, 1], 2, axis=0), repeated)
    np.testing.assert_allclose(shared[:, :40, :70], expected, atol=1e-5)


@each
def test_state_carries_information_between_frames(kind):
    model, clip = small_model(kind), make_clip(length=3)
    other = dict(clip, frames=clip["frames"].copy())
    other["frames"][:, 1] = 255 - other["frames"][:, 1]
    assert relative_difference(model(clip)[:, -1], model(other)[:, -1]) > 1e-3


@each
def test_state_is_float32_with_constant_shapes(kind):
    model, clip = small_model(kind), make_clip()
    state = model.initialize(clip["frames"][:, 0], clip["mask"])
    _, after = model.step(clip["frames"][:, 1], state)
    shapes = [{k: (tuple(v.shape), v.dtype) for k, v in s.items()} for s in (state, after)]
    assert shapes[0] == shapes[1]
    assert all(shape[0] == 2 and dtype == "float32" for shape, dtype in shapes[0].values())


@each
def test_output_depends_on_the_mask(kind):
    model, clip = small_model(kind), make_clip(length=2)
    other = dict(clip, mask=1 - clip["mask"])
    assert relative_difference(model(clip), model(other)) > 1e-3


@both
def test_uint8_and_float_frames_are_equivalent(kind):
    model, clip = small_model(kind), make_clip(length=2)
    as_float = {name: x.astype("float32") for name, x in clip.items()}
    np.testing.assert_allclose(model(as_float), model(clip), atol=1e-6)


@both
@pytest.mark.parametrize("size", [(1, 1), (32, 64), (33, 31)])
def test_any_size(kind, size):
    clip = make_clip(1, 2, *size)
    clip["mask"][:] = 1
    assert small_model(kind)(clip).shape == (1, 1, *size, 1)


@each
def test_gradient_reaches_every_part(kind):
    model, clip = new_model(kind), make_clip(length=3)
    with tf.GradientTape() as tape:
        loss = ops.mean(ops.square(model(clip)))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
    for part in ("initializer", "encoder", "memory", "conv_lstm", "decoder"):
        layer = getattr(model, part)
        if layer is None:
            continue
        mine = {id(v) for v in layer.trainable_variables}
        if not mine:  # the mask as initial state needs no weights
            continue
        largest = [
            np.abs(g).max()
            for v, g in zip(model.trainable_variables, gradients, strict=True)
            if id(v) in mine
        ]
        assert max(largest) > 0, part


def test_the_first_step_of_fit_traces_the_network_once(monkeypatch):
    model, clip = new_model("mask-as-state"), make_clip(length=2)
    model.encoder.trainable = False  # fewer gradients to trace
    call, traces = S2S.call, []

    def counted(self, *args, **kwargs):
        traces.append(1)
        return call(self, *args, **kwargs)

    monkeypatch.setattr(S2S, "call", counted)
    model.compile(keras.optimizers.Adam(), MaskCrossentropy(), jit_compile=False)
    model.fit(clip, clip["mask"][:, None], epochs=2, verbose=0)
    assert len(traces) == 1


def test_compiled_model_is_saved_with_its_optimizer(tmp_path):
    model, clip = new_model("mask-as-state"), make_clip(length=2)
    # Eagerly: both models would be traced.
    model.compile(FusedAdam(1e-4), MaskCrossentropy(), jit_compile=False, run_eagerly=True)
    model.fit(clip, clip["mask"][:, None], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 2
    histories = [
        each.fit(clip, clip["mask"][:, None], epochs=2, verbose=0).history["loss"]
        for each in (model, loaded)
    ]
    np.testing.assert_allclose(*histories, rtol=1e-5)


def test_frozen_backbone_gets_no_gradient():
    model = small_model("lite")
    trainable = {id(v) for v in model.trainable_variables}
    assert not any(id(v) in trainable for v in model.encoder.backbone.variables)


def test_four_parts_hold_all_weights():
    model = small_model("paper")
    parts = [model.initializer, model.encoder, model.conv_lstm, model.decoder]
    assert {id(v) for part in parts for v in part.variables} == {id(v) for v in model.variables}


@each
def test_save_and_load(kind, tmp_path):
    model, clip = small_model(kind), make_clip(length=2)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.config == model.config
    np.testing.assert_array_equal(copy(clip), model(clip))


@each
def test_mixed_precision_gives_float32_logits_and_states(kind):
    model, clip = new_model(kind, dtype="mixed_bfloat16"), make_clip(length=2)
    logits = model(clip)
    assert logits.dtype == "float32"
    assert np.all(np.isfinite(logits))
    probabilities, state = model.step(
        clip["frames"][:, 1], model.initialize(clip["frames"][:, 0], clip["mask"])
    )
    assert probabilities.dtype == "float32"
    assert all(v.dtype == "float32" for v in state.values())
    config = model.get_config()
    copy = S2S.from_config(config)
    assert "config" in config
    assert copy.decoder.compute_dtype == "bfloat16"


@pytest.mark.parametrize("kind", ["lite", "mask-as-input"])
def test_teacher_forcing_replaces_the_prediction_with_the_given_mask(kind):
    model, clip = small_model(kind), make_clip()
    frames, generator = clip["frames"], np.random.default_rng(3)
    masks = generator.integers(0, 2, (2, 3, 40, 70, 1)).astype("uint8")
    forced = np.array([[0, 1, 0], [1, 0, 1]], "float32")  # for frames 0, 1, 2

    state = model.initialize(frames[:, 0], clip["mask"])
    expected = []
    for t in (1, 2, 3):
        features, before = model.encode(frames[:, t]), state
        p, state = model.step_features(features, before)
        expected.append(np.array(p)[:, :40, :70])
        if t < 3:
            padded = np.zeros((2, 64, 96, 1), "float32")
            padded[:, :40, :70] = masks[:, t]
            given = {"previous_mask": padded}
            if kind == "lite":
                given = model.memory.update(features, padded, before)
            for name, x in given.items():
                use = forced[:, t].reshape(-1, *[1] * (len(x.shape) - 1))
                state[name] = use * x + (1 - use) * state[name]

    logits = model(clip | {"previous_masks": masks, "teacher_forcing": forced})
    np.testing.assert_allclose(sigmoid(logits), np.stack(expected, axis=1), atol=1e-5)
    free = model(clip | {"previous_masks": masks, "teacher_forcing": np.zeros_like(forced)})
    np.testing.assert_allclose(free, model(clip), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet"}, "backbone must be one of"),
        (
            {"state_stride": 8, "decoder_filters": (8, 8, 8)},
            "state_stride=8 needs shared_encoder=True",
        ),
        ({"fc6": "3x3"}, "fc6 must be one of"),
        ({"state_stride": 16}, "state_stride must be 8 or 32"),
        ({"decoder_filters": (8, 8)}, "decoder_filters must have 5 entries"),
        ({"memory_frames": -1}, "memory_frames must be 0, or 2 or more"),
        ({"memory_frames": 1}, "memory_frames must be 0, or 2 or more"),
        ({"memory_frames": 2, "remember_every": 0}, "remember_every 1 or more"),
        ({"memory_frames": 2}, "need state_stride=8"),
        ({"skip_connections": True}, "need state_stride=8"),
        ({"initializer": "mask", "encoder_input": "frame_and_mask"}, "cannot be combined; use one"),
        ({"initializer": "mask", "shared_encoder": True}, "variants of the paper's network"),
        ({"initializer": "mask", "state_filters": 12}, "needs state_filters that divide 512"),
    ],
)
def test_invalid_configurations(options, message):
    with pytest.raises(ValueError, match=message):
        S2S(S2SConfig(**options))


def test_config_json_round_trip():
    config = PRESETS["s2s-lite"]
    model = small_model("lite")
    assert S2S.from_config(model.get_config()).config == model.config
    lists = {**vars(config), "decoder_filters": list(config.decoder_filters)}
    assert S2SConfig(**lists) == config
