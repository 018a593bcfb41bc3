"""`ytvos-train` with a two-layer network; can be run as a script.

python tiny_training.py ARGUMENTS OF ytvos-train
"""

import importlib
import sys
from pathlib import Path

import keras
from keras import ops

import ytvos_keras.training.build
import ytvos_keras.training.run_files
from ytvos_keras.cli.train import main
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.recipes import RECIPES

RECIPE = Recipe(
    model=RECIPES["small"].model,
    stages=(Stage("only", steps=6, clip_length=2, size=(32, 64)),),
    loss="lite",
    batch_size=2,
    learning_rate=1e-2,
    weight_decay=1e-2,
    average=0.9,
    checkpoint_steps=2,
)


@keras.saving.register_keras_serializable("tests")
class TinyNet(keras.Model):
    """Accepts the inputs of `S2S` and traces quickly."""

    def __init__(self, config=None, *, backbone_weights=None, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.hidden = keras.layers.Dense(256, "relu")
        self.head = keras.layers.Dense(1, dtype="float32")
        self.hidden.build((None, 4))
        self.head.build((None, 256))
        self.built = True

    def call(self, inputs):
        frames = ops.cast(inputs["frames"][:, 1:], "float32") / 255
        mask = ops.cast(inputs["mask"][:, None], "float32")
        mask = ops.broadcast_to(mask, (*ops.shape(frames)[:4], 1))
        return self.head(self.hidden(ops.concatenate([frames, mask], axis=-1)))

    def get_config(self):
        return {}


def use_tiny_net(set_attribute=setattr) -> None:
    """Replace `S2S` with `TinyNet` wherever training creates a model, and validate briefly."""
    for module in (ytvos_keras.training.build, ytvos_keras.training.run_files):
        set_attribute(module, "S2S", TinyNet)
    validate_briefly(set_attribute)


def run_eagerly(network: type[keras.Model], set_attribute=setattr) -> None:
    """Train without graphs; tracing them takes longer than a dozen steps."""
    set_attribute(network, "run_eagerly", property(lambda _: True, lambda *_: None))


def validate_briefly(set_attribute=setattr, clips: int = 8) -> None:
    """Validate on few clips instead of 64."""
    # The package attribute `train` is the function, not the module of the same name.
    module = importlib.import_module("ytvos_keras.training.train")
    set_attribute(module, "_VALIDATION_CLIPS", clips)


def arguments(records: Path, output: Path, steps: int = 4) -> list[str]:
    """Command line for two stages of `steps` steps, a checkpoint every two, and validation."""
    return [
        *("--recipe", "small", "--data", str(records), "--validation", str(records)),
        *("--output", str(output), "--size", "32x64", "--clip-length", "2", "--batch-size", "2"),
        *("--steps", str(steps), "--checkpoint-steps", "2", "--precision", "float32", "--quiet"),
        *("--backbone-weights", "none"),
    ]


if __name__ == "__main__":
    use_tiny_net()
    sys.exit(main())
