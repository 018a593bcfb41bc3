"""A complete run of a small `S2S` on tiny records, and its continuation from a checkpoint.

It runs eagerly, which is faster; `test_finetune` and `test_training_devices` train an `S2S` as a
graph, and `test_training_faults` resumes one of a smaller network.
"""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from models_helper import SMALL, new_model
from records import moving_squares, write_records
from tiny_training import run_eagerly, validate_briefly

from ytvos_keras.models import S2S, load
from ytvos_keras.models.weight_files import checksum_path
from ytvos_keras.training.checkpoint import list_checkpoints
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles
from ytvos_keras.training.train import train

RECIPE = Recipe(
    model=dataclasses.replace(SMALL["lite"], input_size=(32, 64), freeze_backbone=True),
    # One stage; `test_training_faults` has more, of a smaller network.
    stages=(Stage("one", steps=4, clip_length=2, size=(32, 64), teacher_forcing=(0.0, 0.5)),),
    loss="lite",
    batch_size=2,
    learning_rate=1e-3,
    schedule="cosine",
    weight_decay=1e-4,
    clip_norm=1.0,
    average=0.9,
    precision="mixed_bfloat16",
    checkpoint_steps=2,
)


@pytest.fixture(autouse=True, scope="module")
def brief_training():
    with pytest.MonkeyPatch.context() as patch:
        validate_briefly(patch.setattr, clips=4)
        run_eagerly(S2S, patch.setattr)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_records(moving_squares(), folder)
    return {str(folder): 1.0}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """`RECIPE` with weights for the frozen backbone."""
    path = tmp_path_factory.mktemp("start") / "start.weights.h5"
    new_model("lite").save_weights(path)
    return dataclasses.replace(RECIPE, weights=str(path))


@pytest.fixture(scope="module")
def whole(recipe, data, tmp_path_factory):
    """An uninterrupted run."""
    return train(recipe, data, tmp_path_factory.mktemp("run"), validation=data)


def log_without_times(files):
    return [line.rpartition(",")[0] for line in files.log.read_text().splitlines()]


def weights(path):
    return load(path).get_weights()


@pytest.mark.slow
def test_run_writes_its_files(whole, data):
    lines = whole.log.read_text().splitlines()
    assert lines[0].startswith("stage,step,J,loss,val_J,val_loss")
    assert [line.split(",")[:2] for line in lines[1:]] == [["one", "2"], ["one", "4"]]
    described = json.loads(whole.run_json.read_text())
    assert described["recipe"]["learning_rate"] == 1e-3
    assert len(described["data"][0]["sha256"]) == 64
    best = max(lines[1:], key=lambda line: float(line.split(",")[4])).split(",")[1]
    model = load(whole.best)
    assert model.dtype_policy.name == "float32"  # at any precision
    pairs = zip(model.get_weights(), weights(whole.last), strict=True)
    assert all((a == b).all() for a, b in pairs) == (best == "4")
    assert [path.name for path in list_checkpoints(whole.checkpoints)] == [
        "step-00000002.weights.h5",
        "step-00000004.weights.h5",
    ]


@pytest.mark.slow
def test_run_resumes_bit_exactly_from_a_checkpoint(whole, recipe, data, tmp_path):
    # What an interruption after step 2 leaves behind; `test_training_faults` has real ones.
    files = RunFiles(tmp_path / "run")
    shutil.copytree(whole.folder, files.folder)
    last = list_checkpoints(files.checkpoints)[-1]
    for path in (last, checksum_path(last), files.last, files.log):
        path.unlink()
    resumed = train(recipe, data, files.folder, validation=data)
    assert log_without_times(resumed) == log_without_times(whole)
    for a, b in zip(weights(resumed.last), weights(whole.last), strict=True):
        np.testing.assert_array_equal(a, b)
