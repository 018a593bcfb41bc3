import keras
import numpy as np

from ytvos_keras.bench.plain_step import plain_step
from ytvos_keras.models import S2S


def test_reference_has_the_shapes_of_the_papers_step():
    model = plain_step(32, 64)
    ours = S2S()
    parts = (ours.encoder, ours.conv_lstm, ours.decoder)
    assert model.count_params() == sum(part.count_params() for part in parts)
    assert [tensor.shape for tensor in model.outputs] == [
        (None, 32, 64, 1),
        (None, 1, 2, 512),
        (None, 1, 2, 512),
    ]


def test_reference_with_our_weights_gives_our_probabilities():
    ours = S2S()
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


def test_dtype_policy_is_restored():
    plain_step(32, 32, "mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
