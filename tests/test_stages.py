"""Length of stages: passes, stable losses, the last step, and resuming.

The network is tiny (`tiny_training.py`); with two videos and batches of two, a pass is one step.
"""

import csv
import dataclasses

import keras
import numpy as np
import pytest
import tiny_training
from records import moving_squares, write_records

from ytvos_keras.cli.train import main
from ytvos_keras.training.callbacks import is_stable, update_stability
from ytvos_keras.training.checkpoint import list_checkpoints
from ytvos_keras.training.dry_run import _not_trained, _start, dry_run
from ytvos_keras.training.recipe import Stability, Stage
from ytvos_keras.training.recipes import RECIPES
from ytvos_keras.training.train import stage_steps, train

# IMPATIENT requires the best loss to fall by 99 %, so a stage is stable at the first checkpoint
# after 3 more passes.
USUAL = Stability()
IMPATIENT = Stability(improvement=0.99, passes=3)
OPTIONS = {"clip_length": 2, "size": (32, 64)}


def recipe_with(*stages: Stage, checkpoint_steps: int = 2):
    return dataclasses.replace(
        tiny_training.RECIPE, stages=stages, checkpoint_steps=checkpoint_steps
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"a stage needs either steps or passes\. Received: steps=None, passes=None"),
        ({"steps": 1, "passes": 1}, "a stage needs either steps or passes"),
        (
            {"steps": 1, "frames": "all"},
            r"frames must be one of annotated, any\. Received: 'all'",
        ),
    ],
)
def test_invalid_stage(options, message):
    with pytest.raises(ValueError, match=message):
        Stage("only", **options)


def losses(kind: str, passes: int, noise: float = 0.0) -> np.ndarray:
    """A series with one loss per pass."""
    n = np.arange(1, passes + 1)
    curve = {"power": 0.05 + 0.4 / n, "flat": 0.1 + 0 * n, "exponential": 0.9**n}[kind]
    return curve * (1 + noise * np.random.default_rng(0).standard_normal(passes))


def stable_after(series, rule=USUAL, parts: int = 1) -> int | None:
    """The pass after which a series is stable, with each pass reported in parts."""
    memory = {}
    for number, loss in enumerate(series, start=1):
        for _ in range(parts):
            update_stability(rule, memory, float(loss), 1 / parts)
        if is_stable(rule, memory):
            return number
    return None


def test_flat_loss_is_stable_after_the_given_passes():
    assert stable_after(losses("flat", 60)) == 6  # the first one sets the best
    assert stable_after(losses("flat", 60), Stability(passes=20)) == 21


@pytest.mark.parametrize("seed", [0, 1])
def test_dry_run_times_the_longest_clips(seed, tmp_path, monkeypatch):
    tiny_training.use_tiny_net(monkeypatch.setattr)
    records = write_records(moving_squares(2), tmp_path / "records")
    stages = (
        Stage("short", steps=3, clip_length=2, size=(32, 64)),
        Stage("long", steps=3, clip_length=(2, 4), size=(32, 64)),
    )
    recipe = dataclasses.replace(recipe_with(*stages), seed=seed)
    assert any("clips of 4 frames, 32×64" in line for line in dry_run(recipe, records))


def test_dry_run_describes_the_run(data, tiny):
    stages = (
        Stage("first", passes=9, until_stable=USUAL, **OPTIONS),
        Stage("second", steps=3, frames="any", clip_length=(2, 3), size=(32, 64)),
    )
    assert dry_run(recipe_with(*stages), data)[1:6] == [
        "starts from    random weights",
        "not trained    nothing",
        "one pass       one clip from each of 2 videos and images",
        "stage          first: 9 steps, 9.0 passes, fewer if the loss becomes stable earlier; "
        "clips of 2 annotated frames",
        "stage          second: 3 steps, 3.0 passes; clips of 2 to 3 frames",
    ]


def test_dry_run_names_weights_and_frozen_parts():
    recipe = dataclasses.replace(RECIPES["lite-objects"], weights="mine.keras")
    assert _start(recipe) == "mine.keras"
    assert _not_trained(recipe) == "encoder.backbone (trained from stride 16 on)"
    assert _start(RECIPES["paper"]) == "random weights, but imagenet for the backbones"


def test_falling_loss_is_not_stable():
    assert stable_after(losses("exponential", 60)) is None
    assert stable_after(losses("exponential", 60, noise=0.1)) is None


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_loss_that_levels_off_becomes_stable(noise, parts):
    # From about pass 60 on, the loss falls by less than 1 % in 5 passes; noise shortens the wait.
    assert 30 <= stable_after(losses("power", 80, noise), parts=parts) <= 75


def test_rule_counts_passes_not_checkpoints():
    assert stable_after(losses("flat", 60), parts=8) in (5, 6)


def test_stage_steps_follow_from_passes():
    stages = (Stage("a", passes=200), Stage("b", passes=0.1), Stage("c", steps=7))
    recipe = dataclasses.replace(tiny_training.RECIPE, stages=stages, batch_size=2, accumulate=2)
    assert stage_steps(recipe, videos=30) == [1500, 1, 7]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_records(moving_squares(2), folder)
    return {str(folder): 1.0}


@pytest.fixture
def tiny(monkeypatch):
    tiny_training.use_tiny_net(monkeypatch.setattr)


@pytest.fixture
def tiny_and_eager(tiny, monkeypatch):
    tiny_training.run_eagerly(tiny_training.TinyNet, monkeypatch.setattr)


def log(files) -> list[tuple[str, int, float]]:
    with files.log.open() as file:
        return [
            (row["stage"], int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)
        ]


@pytest.mark.slow
def test_last_checkpoint_of_a_stage_is_at_its_last_step(data, tmp_path, tiny):
    stages = Stage("one", steps=5, **OPTIONS), Stage("two", steps=3, **OPTIONS)
    files = train(recipe_with(*stages), data, tmp_path, validation=data)
    assert [entry[:2] for entry in log(files)] == [
        *(("one", 2), ("one", 4), ("one", 5)),
        *(("two", 7), ("two", 8)),
    ]
    names = [path.name for path in list_checkpoints(files.checkpoints)]
    assert names == ["step-00000007.weights.h5", "step-00000008.weights.h5"]  # the last two


def test_stages_of_different_sizes(data, tmp_path, tiny):
    """`LiteLoss` needs to know the size, which a function traced for two sizes does not."""
    stages = (
        Stage("small", steps=2, **OPTIONS),
        Stage("large", steps=2, clip_length=3, size=(64, 96)),
    )
    files = train(recipe_with(*stages), data, tmp_path)
    assert [entry[:2] for entry in log(files)] == [("small", 2), ("large", 4)]


@pytest.mark.slow
def test_command_trains_the_given_steps(data, tmp_path, tiny):
    (folder,) = data
    command = tiny_training.arguments(folder, tmp_path / "run", steps=7)
    command[command.index("--checkpoint-steps") + 1] = "200"
    assert main(command) == 0
    last = list_checkpoints(tmp_path / "run" / "checkpoints")[-1]
    assert last.name == "step-00000014.weights.h5"  # over two stages


@pytest.mark.slow
def test_stage_ends_early_on_a_stable_loss(data, tmp_path, tiny_and_eager):
    stages = (
        Stage("annotated", passes=9, until_stable=IMPATIENT, **OPTIONS),
        Stage("all", passes=3, frames="any", **OPTIONS),
    )
    recipe = recipe_with(*stages)
    whole = train(recipe, data, tmp_path / "whole")
    steps = [entry[:2] for entry in log(whole)]
    assert steps == [
        *(("annotated", 2), ("annotated", 4), ("annotated", 6)),  # best at 2, then over 3 passes
        *(("all", 8), ("all", 10), ("all", 12)),
    ]
    interrupt = Interrupt(7)  # in the second stage
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, tmp_path / "resumed", callbacks=lambda *_: [interrupt])
    assert log(train(recipe, data, tmp_path / "resumed")) == log(whole)


@pytest.mark.slow
def test_stage_interrupted_at_its_end_is_not_continued(data, tmp_path, tiny_and_eager):
    stages = (
        Stage("first", passes=9, until_stable=IMPATIENT, **OPTIONS),
        Stage("second", passes=1, **OPTIONS),
    )
    recipe = recipe_with(*stages)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, tmp_path, callbacks=lambda *_: [Interrupt(6, "on_epoch_end")])
    files = train(recipe, data, tmp_path)
    assert [step for stage, step, _ in log(files) if stage == "first"] == [2, 4, 6]
    assert log(files)[-1][1] == 10


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C after a number of batches, or at the end of the Keras epoch that contains the last."""

    def __init__(self, batches: int, event: str = "on_train_batch_end"):
        super().__init__()
        self.left, self.event = batches, event

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        self._stop("on_train_batch_end")

    def on_epoch_end(self, epoch, logs=None):
        self._stop("on_epoch_end")

    def _stop(self, event: str):
        if self.left <= 0 and self.event == event:
            raise KeyboardInterrupt
