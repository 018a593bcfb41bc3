import keras
import numpy as np
import pytest

from ytvos_keras.bench.plain_network import plain_clip, plain_step
from ytvos_keras.models import S2S


@pytest.fixture(scope="module")
def ours():
    """Shared, because 70 million random weights take seconds; not to be modified."""
    keras.utils.set_random_seed(0)
    return S2S()


def test_plain_step_has_the_shapes_of_the_papers_step(ours):
    model = plain_step(32, 64, "mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"  # is restored
    parts = (ours.encoder, ours.conv_lstm, ours.decoder)
    assert model.count_params() == sum(part.count_params() for part in parts)
    assert [tensor.shape for tensor in model.outputs] == [
        (None, 32, 64, 1),
        (None, 1, 2, 512),
        (None, 1, 2, 512),
    ]


def test_plain_step_with_our_weights_gives_our_probabilities(ours):
    model = plain_step(32, 32)
    own = (ours.encoder, ours.conv_lstm, ours.decoder)
    model.set_weights([weight for part in own for weight in part.get_weights()])
    frame = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3))
    frame = keras.ops.convert_to_tensor(frame, "float32")
    state = ours.initialize(frame, np.ones((1, 32, 32, 1)))
    expected, state_after = ours.step(frame, state)
    received, hidden, cell = model([frame, state["h"], state["c"]])
    np.testing.assert_allclose(received, expected, atol=1e-5)
    np.testing.assert_allclose(hidden, state_after["h"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cell, state_after["c"], rtol=1e-4, atol=1e-4)


def test_plain_clip_with_our_weights_gives_our_logits():
    ours, plain = S2S(), plain_clip(3, 32, 64)
    # He scale: with Glorot, the maps vanish on their way through VGG.
    for v in ours.weights:
        if len(v.shape) == 4:
            v.assign(v * 2**0.5)
    *encoder, kernel, bias = ours.encoder.get_weights()
    *initializer, cell, cell_bias, hidden, hidden_bias = ours.initializer.get_weights()
    heads = [kernel, bias, hidden, hidden_bias, cell, cell_bias]
    rest = [*ours.conv_lstm.get_weights(), *ours.decoder.get_weights()]
    plain.set_weights([*encoder, *initializer, *heads, *rest])
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (1, 3, 32, 64, 3)).astype("float32")
    clip = {"frames": frames, "mask": (random.random((1, 32, 64, 1)) < 0.3).astype("float32")}
    expected = np.array(ours(clip))
    received = np.array(plain(clip))
    assert received.dtype == "float32"
    np.testing.assert_allclose(received, expected, atol=1e-4 * np.abs(expected).max())
