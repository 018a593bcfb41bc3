"""Training in float16, with the loss scaling that Keras adds."""

import keras
import numpy as np
from models_helper import make_clip, new_model

from ytvos_keras.losses import LiteLoss


def test_a_few_steps():
    # One object trains no kernel for other objects, and every kernel must change here.
    model = new_model("lite-alone", dtype="mixed_float16")
    clip = make_clip(length=2, height=32, width=32)
    targets = clip["mask"][:, None]
    model.compile(keras.optimizers.Adam(1e-3), LiteLoss(), jit_compile=False)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = [np.array(v) for v in model.trainable_variables]
    losses = []
    # Steps with overflowing gradients are skipped, and halve the scale of the loss.
    while int(model.optimizer.iterations) < 6:
        losses.append(model.train_on_batch(clip, targets))
        assert len(losses) < 20
    assert np.all(np.isfinite(losses))
    changed = [
        np.any(a != np.array(b)) for a, b in zip(before, model.trainable_variables, strict=True)
    ]
    assert all(changed)
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())


def test_logits_and_state_are_float32():
    model, clip = new_model("paper", dtype="mixed_float16"), make_clip(length=2)
    assert model.compute_dtype == model.decoder.compute_dtype == "float16"
    assert model(clip).dtype == "float32"
    state = model.initialize(clip["frames"][:, 0], clip["mask"])
    probabilities, state = model.step(clip["frames"][:, 1], state)
    assert {x.dtype.name for x in (probabilities, *state.values())} == {"float32"}
