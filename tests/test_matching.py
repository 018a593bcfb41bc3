import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers import Matching


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def memory(height=4, width=3, seed=0):
    key = unit(random(2, height, width, 5, seed=seed))
    value = random(2, height, width, 3, seed=seed + 1)
    value[..., -1] = np.random.default_rng(seed).uniform(size=value.shape[:3])
    return key, value


def places(x):
    return x.reshape(x.shape[0], -1, x.shape[-1])


def expected(query, key, value, temperature, penalty=0.0, weight=None):
    """Reference implementation with explicit affinities."""
    q, k, v = (places(x) for x in (query, key, value))
    weight = np.ones(k.shape[:2]) if weight is None else weight
    logits = temperature * np.einsum("bqk,bpk->bqp", q, k) - penalty
    weights = np.exp(logits) * weight[:, None]
    mask = v[:, None, :, -1]
    masses = np.stack([(weights * mask).sum(-1), (weights * (1 - mask)).sum(-1)], axis=-1)
    weights /= weights.sum(-1, keepdims=True)
    out = np.concatenate([weights @ v, np.log(masses) / temperature], axis=-1)
    return out.reshape(*query.shape[:3], -1)


def test_matches_direct_arithmetic():
    query, (key, value) = unit(random(2, 4, 3, 5, seed=9)), memory()
    out = Matching()(query, places(key), places(value))
    np.testing.assert_allclose(out, expected(query, key, value, 10.0), atol=1e-5)


def test_positions_are_weighted():
    query, (key, value) = unit(random(2, 4, 3, 5, seed=9)), memory()
    weight = np.random.default_rng(3).integers(0, 3, (2, 12)).astype("float32")
    out = Matching()(query, places(key), places(value), weight)
    np.testing.assert_allclose(out, expected(query, key, value, 10.0, weight=weight), atol=1e-5)


def distance_penalty(height, width):
    at = np.array([(y, x) for y in range(height) for x in range(width)], "float32")
    distance = ((at[:, None] - at[None]) ** 2).sum(-1)
    return distance / (2 * height * width * 0.15**2)


def test_local_matching_prefers_near_cells_and_ignores_far_ones():
    query, (key, value) = unit(random(2, 8, 3, 5, seed=9)), memory(height=8)
    penalty = distance_penalty(8, 3)
    band = np.repeat(np.arange(4), 2 * 3)
    penalty[np.abs(band[:, None] - band[None]) > 1] = 1e9
    out = Matching(local=True)(query, key, value)
    np.testing.assert_allclose(out, expected(query, key, value, 10.0, penalty), atol=1e-5)


@pytest.mark.parametrize("local", [False, True])
def test_objects_with_the_same_keys_share_the_affinity(local):
    query, (key, value) = unit(random(1, 4, 3, 5, seed=9)), memory()
    key = np.repeat(key[:1], 2, axis=0)
    arrange = (lambda x: x) if local else places
    layer = Matching(local=local)
    shared = layer(query, arrange(key), arrange(value))
    alone = [layer(query, arrange(key[n : n + 1]), arrange(value[n : n + 1])) for n in range(2)]
    np.testing.assert_allclose(shared, np.concatenate(alone), atol=1e-5)


@pytest.mark.parametrize("local", [False, True])
def test_objects_with_different_keys_are_independent(local):
    query, (key, value) = unit(random(1, 4, 3, 5, seed=9)), memory()
    arrange = (lambda x: x) if local else places
    layer = Matching(local=local)
    shared = tf.function(layer)(query, arrange(key), arrange(value))
    alone = [layer(query, arrange(key[n : n + 1]), arrange(value[n : n + 1])) for n in range(2)]
    np.testing.assert_allclose(shared, np.concatenate(alone), atol=1e-5)


def test_finds_the_same_cell_after_a_shift():
    key, value = memory()
    layer = Matching()
    layer.build(key.shape)
    layer.log_temperature.assign(np.log(1000.0))
    moved = np.roll(key, (1, 2), axis=(1, 2))
    np.testing.assert_allclose(
        layer(moved, places(key), places(value))[..., :3],
        np.roll(value, (1, 2), axis=(1, 2)),
        atol=1e-3,
    )


def test_empty_mask_leaves_no_foreground():
    key, value = memory()
    value[..., -1] = 0
    out = np.array(Matching()(key, places(key), places(value)))
    assert out[..., -2].max() < -0.9  # below any cosine with a real cell
    assert out[..., -1].min() > 0.99  # every cell matches at least itself


def test_little_background_survives_bfloat16():
    """A difference of two large sums would be 0, or a multiple of its rounding."""
    key = unit(random(1, 8, 16, 5))
    value = np.ones((1, 8, 16, 3), "float32")
    value[0, 3, 3, -1] = 0
    out = Matching(dtype="mixed_bfloat16")(key, places(key), places(value))
    reference = expected(key, key, value, 10.0)
    # Rounding cosines to 8 bits changes the logarithm of a weight by up to 0.1.
    np.testing.assert_allclose(np.array(out, "float32"), reference, atol=0.05)


def test_large_sums_do_not_overflow_in_float16():
    key = unit(np.ones((1, 4, 1, 5), "float32"))
    value = np.full((1, 8192, 2), 10.0, "float32")
    value[..., -1] = 1
    out = Matching(dtype="mixed_float16")(key, np.repeat(places(key), 2048, axis=1), value)
    np.testing.assert_allclose(np.array(out)[..., 0], 10.0, rtol=1e-2)


@pytest.mark.parametrize("local", [False, True])
def test_small_weights_do_not_underflow_in_float16(local):
    key = unit(np.ones((1, 4, 3, 5), "float32"))
    _, value = memory()
    arrange = (lambda x: x) if local else places
    layer = Matching(local=local, dtype="mixed_float16")
    out = layer(-key, arrange(key), arrange(value[:1]))
    reference = Matching(local=local)(-key, arrange(key), arrange(value[:1]))
    np.testing.assert_allclose(np.array(out, "float32"), reference, atol=0.01)


def test_config_round_trip_and_shape():
    layer = Matching(local=True)
    assert Matching.from_config(layer.get_config()).local
    shapes = (1, 4, 3, 5), (2, 4, 3, 5), (2, 4, 3, 9)
    assert layer.compute_output_shape(*shapes) == (2, 4, 3, 11)
    assert layer(*[ops.ones(shape) for shape in shapes]).shape == (2, 4, 3, 11)
