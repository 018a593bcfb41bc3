"""A small training run on the devices given by the environment; can be run as a script.

python train_on_devices.py RECORDS WEIGHTS RUN [--tiny] [--cpus N] [--die-at STEP]
"""

import argparse
import dataclasses
import os
import signal
import sys
from pathlib import Path

import keras
import tensorflow as tf
import tiny_training
from models_helper import SMALL

from ytvos_keras.errors import InputError
from ytvos_keras.training.devices import Devices, find_devices
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles
from ytvos_keras.training.train import train

# Uses every optimizer option. In most clips, some frames have zero weight.
RECIPE = Recipe(
    model=dataclasses.replace(SMALL["mask-as-state"], freeze_backbone=True),
    stages=(Stage("one", steps=4, clip_length=3, size=(32, 64), frames="any"),),
    batch_size=4,
    learning_rate=1e-2,
    weight_decay=1e-2,
    clip_norm=0.05,
    average=0.5,
    accumulate=2,
    checkpoint_steps=2,
)
# For `tiny_training.use_tiny_net`.
TINY = dataclasses.replace(RECIPE, model=tiny_training.RECIPE.model)


def run(
    records: Path, weights: Path, output: Path, devices: Devices, callbacks=(), recipe=RECIPE
) -> RunFiles:
    """Train from the given weights, and validate on the same records."""
    data = {str(records): 1.0}
    return train(
        dataclasses.replace(recipe, weights=str(weights)),
        data,
        output,
        validation=data,
        devices=devices,
        callbacks=lambda *_: list(callbacks),
    )


class Die(keras.callbacks.Callback):
    """Kills the process like `kill -9`."""

    def __init__(self, batch: int):
        super().__init__()
        self.left = batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("records", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--tiny", action="store_true", help="train a network that traces quickly")
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--die-at", type=int, help="a batch")
    arguments = parser.parse_args()
    if arguments.cpus:
        cpus = [tf.config.LogicalDeviceConfiguration()] * arguments.cpus
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    devices = find_devices(arguments.cpus)
    assert devices.replicas == 2
    if devices.workers > 1:
        try:
            devices.check_same("the number of the worker", devices.worker)
        except InputError as error:
            print(error)
    callbacks = [] if arguments.die_at is None else [Die(arguments.die_at)]
    paths = arguments.records, arguments.weights, arguments.output
    if arguments.tiny:
        tiny_training.use_tiny_net()
    else:
        tiny_training.validate_briefly()
    run(*paths, devices, callbacks, TINY if arguments.tiny else RECIPE)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
