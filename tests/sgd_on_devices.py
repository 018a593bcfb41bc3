"""Train with SGD on one and on two logical CPUs, and print the weights as JSON; run as a script.

python sgd_on_devices.py POLICY OPTIONS

Unlike Adam, SGD shows a wrong scale of the gradients. OPTIONS are those of SGD, as JSON; with
`mixed_float16`, one batch overflows on one of the devices.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from ytvos_keras.training.devices import Devices, find_devices
from ytvos_keras.training.multi_replica import compile_replicated

BATCHES = 6


def data(overflow: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and weights, half of which are zero on the second device."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4 * BATCHES, 3)), rng.normal(size=(4 * BATCHES, 1))
    weight = np.tile([1.0, 1.0, 1.0, 0.0], BATCHES)
    if overflow:
        x[4 * 2 + 2] = 6e4  # of the second device; the gradient exceeds float16
    return x.astype("float32"), y.astype("float32"), weight.astype("float32")


def train(devices: Devices, policy: str, overflow: bool, **options) -> list[list[float]]:
    """The weights of a linear layer after one epoch."""
    with devices.scope():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype=policy)])
        model.dtype_policy = keras.dtype_policies.get(policy)
        compile_replicated(
            model,
            devices,
            optimizer=keras.optimizers.SGD(0.1, **options),
            loss=keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"),
        )
    x, y, weight = data(overflow)
    model.fit(x, y, sample_weight=weight, batch_size=4, shuffle=False, verbose=0)
    return [w.tolist() for w in model.get_weights()]


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    policy, options = sys.argv[1], json.loads(sys.argv[2])
    for devices in (Devices(), find_devices(2)):
        print(json.dumps(train(devices, policy, policy == "mixed_float16", **options)))


if __name__ == "__main__":
    main()
