import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ytvos_keras.layers import native_types
from ytvos_keras.layers.native_types import has_bfloat16
from ytvos_keras.layers.winograd import transform_kernel, winograd_conv, winograd_pays


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def convolve(x, kernel):
    return winograd_conv(x, transform_kernel(kernel))


def plain(x, kernel):
    return ops.conv(x, kernel, padding="same")


def with_gradients(convolution, x, kernel, dtype="float32"):
    """The convolution and its gradients for a random upstream gradient."""
    x, kernel = (tf.cast(tensor, dtype) for tensor in (x, kernel))
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = convolution(x, kernel)
    upstream = tf.cast(random(*y.shape, seed=2), dtype)
    return [np.array(z, "float32") for z in (y, *tape.gradient(y, [x, kernel], upstream))]


def relative_error(received, expected):
    return np.sqrt(np.mean((received - expected) ** 2) / np.mean(expected**2))


sizes = pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 8), (8, 14), (7, 7)])


@sizes
def test_matches_the_convolution_and_its_gradients(size):
    x, kernel = random(2, *size, 5), random(3, 3, 5, 7, seed=1)
    expected = with_gradients(plain, x, kernel)
    for mine, theirs in zip(with_gradients(convolve, x, kernel), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6 * np.abs(theirs).max(), rtol=1e-4)


@pytest.mark.skipif(
    not has_bfloat16(), reason="without bfloat16 instructions oneDNN rounds intermediate sums too"
)
def test_bfloat16_is_nearly_as_accurate():
    x, kernel = random(2, 8, 14, 32), random(3, 3, 32, 32, seed=1)
    exact = with_gradients(plain, x, kernel)
    for mine, theirs, expected in zip(
        with_gradients(convolve, x, kernel, "bfloat16"),
        with_gradients(plain, x, kernel, "bfloat16"),
        exact,
        strict=True,
    ):
        assert relative_error(mine, expected) < 0.01
        assert relative_error(mine, expected) < 3 * relative_error(theirs, expected)


def test_unknown_sizes_in_a_graph():
    kernel = random(3, 3, 5, 7, seed=1)
    graph = tf.function(
        lambda x: with_gradients_in_graph(x, kernel),
        input_signature=[tf.TensorSpec((None, None, None, 5))],
    )
    for shape in ((1, 4, 7, 5), (3, 6, 2, 5)):
        x = tf.constant(random(*shape))
        with tf.GradientTape() as tape:
            tape.watch(x)
            expected = plain(x, kernel)
        y, gradient = graph(x)
        np.testing.assert_allclose(y, expected, atol=1e-5)
        np.testing.assert_allclose(gradient, tape.gradient(expected, x), atol=1e-5)


def with_gradients_in_graph(x, kernel):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = convolve(x, kernel)
    return y, tape.gradient(y, x)


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [([(8, 0)], True), ([(7, 5)], False), ([(9, 0), (7, 0)], False), ([None], True)],
)
def test_bfloat16_needs_all_gpus_to_support_it(capabilities, native, monkeypatch):
    def details(capability):
        return {"compute_capability": capability} if capability else {}

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
    assert has_bfloat16() is native


@pytest.mark.parametrize(
    ("cpu", "native", "pays"),
    [
        ("flags : fma avx2", False, False),
        ("flags : avx512_bf16", True, True),
        ("flags : avx512_bf16 amx_bf16 amx_tile", True, False),
        ("Features : fp asimd", False, False),
        ("Features : fp asimd bf16", True, True),
        (None, True, True),
    ],
)
def test_winograd_in_bfloat16_depends_on_the_cpu(cpu, native, pays, tmp_path, monkeypatch):
    facts = tmp_path / "cpuinfo"
    if cpu is not None:
        facts.write_text(cpu)
    monkeypatch.setattr(native_types, "_CPU", facts)
    assert has_bfloat16() is native
    assert winograd_pays("bfloat16") is pays
    assert winograd_pays("float32")
    assert not winograd_pays("float16")
