import numpy as np

from ytvos_keras.bench.plain_clip import plain_clip
from ytvos_keras.models import S2S


def test_reference_with_our_weights_gives_our_logits():
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
