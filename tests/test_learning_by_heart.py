"""A small network of each kind can overfit two clips, so all of its parts are trainable."""

import dataclasses

import keras
import numpy as np
import pytest
from models_helper import SMALL, new_model

from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.metrics import MeanJ
from ytvos_keras.training.fused_adam import FusedAdam


def two_clips(length):
    """Two clips over noise: a light square moving right, and one moving down."""
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 140, (2, length, 64, 64, 3)).astype("uint8")
    masks = np.zeros((2, length, 64, 64, 1), "float32")
    for t in range(length):
        masks[0, t, 8:40, 2 + 10 * t : 34 + 10 * t] = 1
        masks[1, t, 2 + 10 * t : 34 + 10 * t, 24:56] = 1
    frames[masks[..., 0] > 0] += 100
    return {"frames": frames, "mask": masks[:, 0]}, masks[:, 1:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_overfits_two_clips(kind, monkeypatch):
    if SMALL[kind].state_stride == 32:  # four 8-channel cells cannot represent the masks
        wide = dataclasses.replace(
            SMALL[kind], encoder_filters=32, state_filters=32, decoder_filters=(32, 32, 16, 16, 16)
        )
        monkeypatch.setitem(SMALL, kind, wide)
    keras.utils.set_random_seed(0)
    # One prediction is enough for this kind; the paper's network needs many more steps then.
    model, clips = new_model(kind), two_clips(2 if kind == "mask-as-state" else 3)
    model.compile(
        FusedAdam(1e-3, global_clipnorm=1.0),
        MaskCrossentropy(),
        weighted_metrics=[MeanJ()],
        jit_compile=False,
    )
    region_similarity = 0.0
    for _ in range(12):
        history = model.fit(*clips, batch_size=2, epochs=25, verbose=0).history
        region_similarity = history["J"][-1]
        if region_similarity > 0.9:
            break
    assert region_similarity > 0.9
