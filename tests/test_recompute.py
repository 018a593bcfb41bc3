"""Training with activation recomputation, through `fit` as users run it."""

import keras
import numpy as np
import pytest
from models_helper import SMALL, make_clip, new_model

from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.models import S2S


def gradients(model, clip, targets, *, eagerly=False):
    """Loss and gradients of one `fit` step; SGD at rate 1 makes the weight change the gradient."""
    before = [np.array(v) for v in model.trainable_variables]
    model.compile(
        keras.optimizers.SGD(1.0), MaskCrossentropy(), jit_compile=False, run_eagerly=eagerly
    )
    history = model.fit(clip, targets, epochs=1, verbose=0)
    after = [np.array(v) for v in model.trainable_variables]
    return history.history["loss"][0], [b - a for b, a in zip(before, after, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["paper", "lite"])
def test_gradients_are_unchanged(kind):
    clip = make_clip(length=3, height=40, width=64)
    targets = np.repeat(clip["mask"][:, None], 2, axis=1)
    plain, recomputed = new_model(kind), S2S(SMALL[kind])
    recomputed.set_weights(plain.get_weights())
    recomputed.recompute = True
    if kind == "lite":
        clip["previous_masks"] = targets
        clip["teacher_forcing"] = np.array([[1, 0], [1, 1]], "float32")
    # Eagerly, since tracing the reference takes longer.
    loss, expected = gradients(plain, clip, targets, eagerly=True)
    recomputed_loss, received = gradients(recomputed, clip, targets)
    assert recomputed_loss == pytest.approx(loss, rel=1e-5)
    scale = max(np.abs(g).max() for g in expected)
    assert sum(np.any(g != 0) for g in expected) > 0.9 * len(expected)
    for mine, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * scale)
