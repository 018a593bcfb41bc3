"""A few steps of training on the devices that the environment asks for; also run as a process.

python train_on_devices.py WEIGHTS [--cpus N] [--epochs N] [--die-at STEP]
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from models_helper import new_model

from ytvos_keras.errors import InputError
from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.metrics import MeanJ
from ytvos_keras.training.devices import Devices, find_devices
from ytvos_keras.training.joined import compile_joined

BATCH, LENGTH, SIZE, BATCHES = 4, 3, (32, 64), 6


def train(devices: Devices, epochs: int = 2, callbacks=()) -> tuple[list[np.ndarray], dict]:
    """Weights and history of a small model, with all that the optimiser can do."""
    keras.utils.set_random_seed(0)
    with devices.scope():
        model = new_model("mask-as-state")
        model.encoder.backbone.trainable = False  # is slow
        compile_joined(
            model,
            devices,
            optimizer=keras.optimizers.AdamW(
                1e-2,
                weight_decay=1e-2,
                global_clipnorm=0.05,
                gradient_accumulation_steps=2,
                use_ema=True,
                ema_momentum=0.5,
            ),
            loss=MaskCrossentropy(),
            weighted_metrics=[MeanJ()],
            jit_compile=False,
        )
    history = model.fit(
        devices.distribute(make_batches),
        steps_per_epoch=BATCHES // 2,
        epochs=epochs,
        validation_data=devices.distribute(lambda worker: make_batches(worker).take(2).repeat()),
        validation_steps=2,
        callbacks=[keras.callbacks.SwapEMAWeights(), *callbacks],
        shuffle=False,
        verbose=0,
    )
    return model.get_weights(), history.history


def make_batches(worker: tuple[int, int]) -> tf.data.Dataset:
    """Clip n goes to worker n mod W; most frames of every second clip have no weight."""
    number, workers = worker
    rng = np.random.default_rng(0)
    clips = (BATCH * BATCHES, LENGTH, *SIZE)
    frames = rng.integers(0, 256, (*clips, 3), dtype="uint8")
    masks = (rng.uniform(size=(*clips, 1)) < rng.uniform(0.5, 1, (len(frames), 1, 1, 1, 1))).astype(
        "uint8"
    )
    weights = np.ones((len(frames), LENGTH - 1), "float32")
    weights[1::2] = rng.uniform(size=weights[1::2].shape) < 0.3
    dataset = tf.data.Dataset.from_tensor_slices(
        ({"frames": frames, "mask": masks[:, 0]}, masks[:, 1:].astype("float32"), weights)
    )
    return dataset.shard(workers, number).batch(BATCH // workers).repeat()


class Die(keras.callbacks.Callback):
    """Ends the process as `kill -9` does."""

    def __init__(self, step: int):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--die-at", type=int, help="a step")
    arguments = parser.parse_args()
    if arguments.cpus:
        cpus = [tf.config.LogicalDeviceConfiguration()] * arguments.cpus
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    devices = find_devices(arguments.cpus)
    assert devices.replicas == 2
    with devices.watch():
        devices.check_same("the seed", {"seed": 0})
        if devices.workers > 1:
            try:
                devices.check_same("the number of the worker", devices.worker)
            except InputError as error:
                print(error)
        weights, history = train(
            devices, arguments.epochs, [] if arguments.die_at is None else [Die(arguments.die_at)]
        )
    if devices.is_chief:
        np.savez(arguments.weights, *weights)
        print(json.dumps(history))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
