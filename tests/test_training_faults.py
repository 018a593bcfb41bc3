"""Training survives kill -9, NaN, damaged records and a full disk without losing anything.

The network is tiny (`tiny_training.py`); everything else is as in a real run.
"""

import dataclasses
import logging
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tiny_training
from file_size_limit import room_for
from records import make_video, moving_squares, write_records

from ytvos_keras.cli.train import main
from ytvos_keras.errors import InputError
from ytvos_keras.records.index import read_index
from ytvos_keras.training.atomic_save import atomic_save
from ytvos_keras.training.checkpoint import list_checkpoints, read_progress
from ytvos_keras.training.clips import split_data
from ytvos_keras.training.run_files import RunFiles
from ytvos_keras.training.run_json import describe_run
from ytvos_keras.training.train import train

SECONDS = 600  # for a machine under load
STEPS = 12  # of each of the two stages of the command


def write_three_shards(folder):
    folder.mkdir()
    return write_records(moving_squares(3), folder, shards=3)


@pytest.fixture
def records(tmp_path):
    return write_three_shards(tmp_path / "records")


@pytest.fixture
def tiny(monkeypatch):
    tiny_training.use_tiny_net(monkeypatch.setattr)


@pytest.fixture
def tiny_and_eager(tiny, monkeypatch):
    """For tests that compare no run with that of the command."""
    tiny_training.run_eagerly(tiny_training.TinyNet, monkeypatch.setattr)
    tiny_training.validate_briefly(monkeypatch.setattr, clips=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed run of the command."""
    folder = tmp_path_factory.mktemp("whole")
    records = write_three_shards(folder / "records")
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.use_tiny_net(patch.setattr)
        assert main(tiny_training.arguments(records, folder / "run", STEPS)) == 0
    return RunFiles(folder / "run")


class At(keras.callbacks.Callback):
    """Runs an action after the given batch of the run."""

    def __init__(self, batch, action):
        super().__init__()
        self.left, self.action = batch, action

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.action(self.model)


def run(records, output, at=None):
    data = {str(records): 1.0}
    callbacks = [at] if at else []
    return train(
        tiny_training.RECIPE, data, output, validation=data, callbacks=lambda *_: callbacks
    )


def spoil(model):
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)


def assert_same_run(one: RunFiles, other: RunFiles):
    """Compare logs without times, and all arrays in the last checkpoints, bit by bit."""
    logs = [re.sub(r",[^,]*$", "", file.log.read_text(), flags=re.M) for file in (one, other)]
    assert logs[0] == logs[1]
    checkpoints = [list_checkpoints(files.checkpoints) for files in (one, other)]
    assert [p.name for p in checkpoints[0]] == [p.name for p in checkpoints[1]]
    contents = [arrays(paths[-1]) for paths in checkpoints]
    assert contents[0].keys() == contents[1].keys()
    for name, values in contents[0].items():
        np.testing.assert_array_equal(values, contents[1][name], err_msg=name)


def arrays(path):
    found = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(add)
    return found


def steps_of_events(files: RunFiles):
    return [int(path.suffix[1:]) for path in sorted(files.tensorboard.iterdir())]


@pytest.mark.slow
def test_repeatedly_killed_run_resumes_bit_exactly(records, tmp_path, tiny, whole):
    line = tiny_training.arguments(records, tmp_path / "killed", STEPS)
    command = [sys.executable, Path(tiny_training.__file__), *line]
    killed = RunFiles(tmp_path / "killed")
    for lines in (3, 8):  # of the log: once in each stage
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + SECONDS
        while not killed.log.is_file() or len(killed.log.read_text().splitlines()) < lines:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.2))  # anywhere in an epoch, or while files are written
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert main(line) == 0
    assert_same_run(killed, whole)
    assert steps_of_events(killed) == steps_of_events(whole) == list(range(2, 2 * STEPS + 1, 2))
    assert not list(killed.folder.rglob(".*"))


def test_finished_run_is_unchanged(tiny, whole):
    def weights():
        return keras.saving.load_model(whole.last, compile=False).get_weights()

    log, before = whole.log.read_bytes(), weights()
    line = tiny_training.arguments(whole.folder.parent / "records", whole.folder, STEPS)
    assert main(line) == 0
    assert whole.log.read_bytes() == log
    for a, b in zip(weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_nan_stops_with_the_last_good_checkpoint(records, tmp_path, tiny_and_eager):
    whole = run(records, tmp_path / "whole")
    files = RunFiles(tmp_path / "run")
    with pytest.raises(InputError, match=r"^the loss became nan at step 4: .*") as error:
        run(records, files.folder, At(3, spoil))
    (good,) = list_checkpoints(files.checkpoints)
    assert f"the last good checkpoint is {good}; lower --learning-rate" in str(error.value)
    assert all(np.isfinite(values).all() for values in arrays(good).values())
    # After the last batch of an epoch, no loss reveals the NaN.
    with pytest.raises(InputError, match=r"^weights \(.*\) became NaN .* at step 6: ") as error:
        run(records, files.folder, At(4, spoil))
    good = list_checkpoints(files.checkpoints)[-1]
    assert str(good) in str(error.value)
    assert read_progress(good).step == 4
    assert_same_run(run(records, files.folder), whole)


def test_nan_before_any_checkpoint(records, tmp_path, tiny_and_eager):
    with pytest.raises(InputError, match="no checkpoint was written yet; lower --learning-rate"):
        run(records, tmp_path / "run", At(1, spoil))


def test_damage_during_a_run_is_reported_once_and_skipped(
    records, tmp_path, tiny_and_eager, caplog
):
    data = {str(records): 1.0}
    (held_out,) = split_data(data, data).not_trained
    trained = [video for video in read_index(records) if video.name != held_out]
    flipped, cut = (video.shard for video in trained)

    def damage(_):
        # In place: the run is reading these files, and must never see a partial write.
        with flipped.open("r+b") as file:
            for picture in trained[0].images[:6]:
                file.seek(picture.offset + 100)
                byte = file.read(1)[0]
                file.seek(picture.offset + 100)
                file.write(bytes([byte ^ 0x10]))
        os.truncate(cut, cut.stat().st_size // 2)

    with caplog.at_level(logging.WARNING, "ytvos_keras"):
        files = run(records, tmp_path / "run", At(1, damage))
    assert read_progress(list_checkpoints(files.checkpoints)[-1]).step == 6
    messages = [record.getMessage() for record in caplog.records]
    for shard, what in ((flipped, "not those that were written"), (cut, "is it cut off?")):
        own = [message for message in messages if str(shard) in message]
        assert own and all(what in message for message in own)
        datasets = 3  # training, validation, images
        assert max(map(own.count, own)) <= datasets


@pytest.mark.parametrize(
    "damage", [lambda shard: shard.unlink(), lambda shard: shard.write_bytes(b"x")]
)
def test_incomplete_shard_is_one_line_at_the_start(records, tmp_path, capsys, damage):
    shard = max(Path(records).glob("*.tfrecord"))
    damage(shard)
    assert main(tiny_training.arguments(records, tmp_path / "run")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {shard}")


def test_mistyped_argument_leaves_the_folder_free(records, tmp_path, tiny):
    files = RunFiles(tmp_path / "run")
    recipe = dataclasses.replace(tiny_training.RECIPE, weights="typo.keras")
    with pytest.raises(InputError, match=r"^typo\.keras: not weights of this network"):
        train(recipe, str(records), files.folder)
    assert not files.run_json.exists()


@pytest.mark.parametrize("use", ["training", "validation"])
def test_records_without_objects_leave_the_folder_free(records, tmp_path, tiny, use):
    blank = np.zeros((4, 32, 64), np.uint8)
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    empty = str(write_records([make_video("empty", frames, blank)], tmp_path / "empty"))
    data = {str(records): 0.5, empty: 0.5} if use == "training" else str(records)
    files = RunFiles(tmp_path / "run")
    with pytest.raises(InputError, match=r"^none of 1 videos has an object"):
        train(
            tiny_training.RECIPE,
            data,
            files.folder,
            validation=empty if use == "validation" else None,
        )
    assert not files.run_json.exists()


def test_another_run_in_the_folder(records, tmp_path, tiny):
    files = RunFiles(tmp_path / "run")
    files.claim(describe_run(tiny_training.RECIPE, str(records), None))
    before = files.run_json.read_bytes()
    recipe = dataclasses.replace(tiny_training.RECIPE, seed=9)
    with pytest.raises(InputError, match=r"contains another run \(recipe\.seed: 0, not 9\)"):
        train(recipe, str(records), files.folder)
    assert files.run_json.read_bytes() == before


def test_run_of_a_version_without_a_field(tmp_path):
    files = RunFiles(tmp_path)
    old = {"recipe": {"seed": 1, "stages": [{"steps": 5}], "augment": {"pictures": {"flip": 0.5}}}}
    files.claim(old)
    new = {
        "recipe": {
            "seed": 1,
            "stages": [{"steps": 5, "corruption": 0.0}],
            "augment": {"pictures": {"flip": 0.5, "leave": 0.0}},
            "frozen": (),
        }
    }
    files.claim(new)
    new["recipe"]["augment"]["pictures"]["leave"] = 0.2
    message = r"contains another run \(recipe\.augment\.pictures\.leave: None, not 0\.2\)"
    with pytest.raises(InputError, match=message):
        files.claim(new)
    new["recipe"]["stages"][0]["steps"] = 7
    with pytest.raises(InputError, match=r"another run \(recipe\.stages\[0\]\.steps: 5, not 7\)"):
        files.claim(new)


@pytest.mark.slow
def test_full_disk_while_checkpointing_loses_nothing(records, tmp_path, tiny, whole, capsys):
    line = tiny_training.arguments(records, tmp_path / "run", STEPS)
    files = RunFiles(tmp_path / "run")
    with room_for(60_000):  # enough for everything but a checkpoint
        assert main(line) == 1
    (error,) = capsys.readouterr().err.splitlines()
    path = files.checkpoints / "step-00000002.weights.h5"
    assert error.startswith(f"error: {path}: cannot be written (File too large); fix that and run")
    assert not list(files.folder.rglob(".*")) and not list(files.checkpoints.iterdir())
    assert main(line) == 0
    assert_same_run(files, whole)
    assert steps_of_events(files) == steps_of_events(whole)


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with (
        room_for(1000),
        pytest.raises(InputError, match=r"file: cannot be written \(File too large\); fix"),
        atomic_save(path, ".part", 2000),
    ):
        pytest.fail("there is no room")
    with pytest.raises(KeyboardInterrupt), atomic_save(path, ".part", 10) as part:
        part.write_bytes(b"half")
        raise KeyboardInterrupt
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"before")]
    with atomic_save(path, ".part", 10) as part:
        part.write_bytes(b"after")
    assert path.read_bytes() == b"after"
