import numpy as np
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


def expected(query, key, value, temperature, penalty=0.0):
    """The same, place by place."""
    q, k, v = (x.reshape(2, -1, x.shape[-1]) for x in (query, key, value))
    cosine = np.einsum("bqk,bpk->bqp", q, k)
    weights = np.exp(temperature * cosine - penalty)
    weights /= weights.sum(-1, keepdims=True)
    mask = v[:, None, :, -1]
    to_object = (cosine - 2 * (1 - mask)).max(-1)
    to_background = (cosine - 2 * mask).max(-1)
    out = np.concatenate([weights @ v, to_object[..., None], to_background[..., None]], axis=-1)
    return out.reshape(*query.shape[:3], -1)


def test_against_direct_arithmetic():
    query, (key, value) = unit(random(2, 4, 3, 5, seed=9)), memory()
    out = Matching()(query, key, value)
    np.testing.assert_allclose(out, expected(query, key, value, 10.0), atol=1e-5)


def test_local_matching_prefers_near_places():
    query, (key, value) = unit(random(2, 4, 3, 5, seed=9)), memory()
    places = np.array([(y, x) for y in range(4) for x in range(3)], "float32")
    distance = ((places[:, None] - places[None]) ** 2).sum(-1)
    penalty = distance / (2 * 12 * 0.15**2)
    out = Matching(local=True)(query, key, value)
    np.testing.assert_allclose(out, expected(query, key, value, 10.0, penalty), atol=1e-5)


def test_one_query_serves_many_objects():
    query, (key, value) = unit(random(1, 4, 3, 5, seed=9)), memory()
    shared = Matching(local=True)(query, key, value)
    repeated = Matching(local=True)(np.repeat(query, 2, axis=0), key, value)
    np.testing.assert_allclose(shared, repeated, atol=1e-6)


def test_it_finds_the_same_place_again():
    key, value = memory()
    layer = Matching()
    layer.build(key.shape)
    layer.log_temperature.assign(np.log(1000.0))
    moved = np.roll(key, (1, 2), axis=(1, 2))
    np.testing.assert_allclose(
        layer(moved, key, value)[..., :3], np.roll(value, (1, 2), axis=(1, 2)), atol=1e-3
    )


def test_an_empty_mask_leaves_no_place_of_the_object():
    key, value = memory()
    value[..., -1] = 0
    out = np.array(Matching()(key, key, value))
    assert out[..., -2].max() < -0.9  # below any cosine to a real place
    np.testing.assert_allclose(out[..., -1], 1, atol=1e-5)  # every place finds itself


def test_config_round_trip_and_shape():
    layer = Matching(local=True)
    assert Matching.from_config(layer.get_config()).local
    assert layer.compute_output_shape((1, 4, 3, 5), (2, 4, 3, 5), (2, 4, 3, 9)) == (2, 4, 3, 11)
    assert ops.shape(layer(*[ops.ones(s) for s in ((1, 4, 3, 5), (2, 4, 3, 5), (2, 4, 3, 9))])) == (
        2,
        4,
        3,
        11,
    )
