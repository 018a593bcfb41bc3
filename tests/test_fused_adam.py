import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from ytvos_keras.training.fused_adam import FusedAdam
from ytvos_keras.training.multi_replica import replicate_optimizer


def train(optimizer, dtype="float32"):
    """Return three variables and the optimizer state after five steps of seeded gradients."""
    variables = [
        keras.Variable(np.linspace(-1, 1, n), dtype=dtype, name=f"v{n}") for n in (3, 5, 7)
    ]
    optimizer.exclude_from_weight_decay(var_names=["v5"])
    optimizer.build(variables)
    random = np.random.default_rng(0)

    @tf.function
    def step(gradients):
        optimizer.apply(gradients, variables)

    for _ in range(5):
        step([tf.constant(random.normal(size=v.shape), dtype) for v in variables])
    return [np.array(v) for v in (*variables, *optimizer.variables)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.1, "global_clipnorm": 0.5},
        {"weight_decay": 0.1, "learning_rate": 0.05},
        {"use_ema": True, "ema_momentum": 0.5},
        {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 2},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matches_keras_adam(options, dtype):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 5)
    expected, received = (
        train(kind(**{"learning_rate": schedule, "beta_1": 0.8, **options}), dtype)
        for kind in (keras.optimizers.Adam, FusedAdam)
    )
    for mine, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_rates_of_single_variables():
    slow, fast = (keras.Variable(np.ones(2, "float32"), name=name) for name in ("slow", "fast"))
    optimizer = FusedAdam(0.1, weight_decay=0.5, rates={slow.path: 0.1})
    optimizer.build([slow, fast])
    optimizer.apply([tf.ones(2), tf.ones(2)], [slow, fast])
    # The first step of Adam is the learning rate, after a decay of rate · 0.5.
    np.testing.assert_allclose(slow, [0.995 - 0.01] * 2, rtol=1e-4)
    np.testing.assert_allclose(fast, [0.95 - 0.1] * 2, rtol=1e-4)


def test_works_with_loss_scaling():
    inner = FusedAdam(0.1)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    variable = keras.Variable(np.ones(2, "float32"))
    optimizer.build([variable])
    optimizer.apply([tf.constant([8.0, -8.0])], [variable])
    np.testing.assert_allclose(variable, [0.9, 1.1], rtol=1e-4)
    optimizer.apply([tf.constant([np.inf, 1.0])], [variable])  # skipped because of the overflow
    np.testing.assert_allclose(variable, [0.9, 1.1], rtol=1e-4)


def test_strategy_gives_the_same_weights():
    def train(scope):
        keras.utils.set_random_seed(0)
        with scope:
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            model.compile(FusedAdam(0.1), "mse")
        model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=1, verbose=0)
        return model.get_weights()

    (device, *_) = tf.config.list_logical_devices("CPU")
    mirrored = train(tf.distribute.MirroredStrategy([device.name]).scope())
    for one, other in zip(mirrored, train(contextlib.nullcontext()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_replicated_optimizer_keeps_the_rates():
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        optimizer = replicate_optimizer(FusedAdam(0.1, rates={"backbone/kernel": 0.1}))
    assert optimizer.rates == {"backbone/kernel": 0.1}


def test_config():
    again = FusedAdam.from_config(FusedAdam(0.2, beta_2=0.9).get_config())
    assert (float(again.learning_rate), again.beta_2) == (pytest.approx(0.2), 0.9)


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match=r"has no amsgrad; use keras\.optimizers\.Adam"):
        FusedAdam(amsgrad=True)
