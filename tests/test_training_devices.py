import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from train_on_devices import make_batches, train

from ytvos_keras.errors import InputError
from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.training.devices import Devices, find_devices
from ytvos_keras.training.joined import JoinedMean, compile_joined

HERE = Path(__file__).parent
SECONDS = 300  # a machine under load; a process needs about fifteen


@pytest.fixture(scope="module")
def on_one_device():
    """Weights and history of a process with one device."""
    return train(Devices())


@contextlib.contextmanager
def started(*runs: tuple[list, dict]) -> Iterator[list[subprocess.Popen]]:
    """Processes of `train_on_devices.py`, killed at the end whatever happens."""
    processes = []
    try:
        for arguments, environment in runs:
            command = [sys.executable, HERE / "train_on_devices.py", *map(str, arguments)]
            processes.append(
                subprocess.Popen(
                    command,
                    env=os.environ | environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def cluster(size: int) -> list[dict[str, str]]:
    """The environments of workers on this machine, at ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(size)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(size)
    ]


def assert_equal(weights: Path, output: str, expected: tuple[list[np.ndarray], dict]) -> None:
    with np.load(weights) as file:
        for found, wanted in zip(file.values(), expected[0], strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-4)
    history = json.loads(output.splitlines()[-1])
    assert set(history) == set(expected[1]) == {"loss", "J", "val_loss", "val_J"}
    for name, values in expected[1].items():
        np.testing.assert_allclose(history[name], values, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_two_devices_train_like_one_with_the_joined_batch(on_one_device, tmp_path):
    weights = tmp_path / "weights.npz"
    with started(([weights, "--cpus", 2], {})) as (process,):
        output, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
    assert_equal(weights, output, on_one_device)


@pytest.mark.slow
def test_two_workers_train_like_one_with_the_joined_batch(on_one_device, tmp_path):
    files = [tmp_path / f"{name}.npz" for name in ("chief", "other")]
    runs = [([file], place) for file, place in zip(files, cluster(2), strict=True)]
    with started(*runs) as processes:
        outputs = [process.communicate(timeout=SECONDS) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], outputs
    assert_equal(files[0], outputs[0][0], on_one_device)
    assert not files[1].exists()
    for output, _ in outputs:
        assert "the number of the worker differs between the 2 workers; start all" in output
        assert "the seed differs" not in output


@pytest.mark.slow
def test_the_loss_of_a_worker_ends_the_others_with_one_line(tmp_path):
    endless = [tmp_path / "weights.npz", "--epochs", 100_000]
    places = cluster(2)
    with started((endless, places[0]), ([*endless, "--die-at", 2], places[1])) as processes:
        _, errors = processes[0].communicate(timeout=SECONDS)
        assert processes[0].returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("worker 0 of 2: another worker ended or cannot be reached (")
    assert last.endswith(
        "start all workers again with the same command to go on from the last checkpoint"
    )


def test_one_device_is_plain_keras():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    optimizer, loss = keras.optimizers.SGD(), MaskCrossentropy()
    devices = Devices()
    compile_joined(model, devices, optimizer=optimizer, loss=loss)
    assert model.optimizer is optimizer and model.loss is loss
    assert devices.is_chief and devices.replicas == 1
    inputs, targets, _ = next(iter(devices.distribute(make_batches)))
    assert len(inputs["frames"]) == len(targets) == 4
    devices.check_same("anything", 1)


def test_compiling_outside_of_the_scope():
    devices = Devices(tf.distribute.OneDeviceStrategy("CPU:0"))
    with pytest.raises(ValueError, match=r"within devices\.scope\(\): metrics"):
        compile_joined(keras.Model(), devices, optimizer=None, loss=None)


def test_workers_get_the_clips_of_one_batch():
    whole = next(iter(make_batches((0, 1))))
    parts = [next(iter(make_batches((worker, 2)))) for worker in (0, 1)]
    for index, array in enumerate(tf.nest.flatten(whole)):
        for worker, part in enumerate(parts):
            np.testing.assert_array_equal(tf.nest.flatten(part)[index], array[worker::2])


def test_joined_mean_on_one_replica_is_the_loss():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (2, 3, 4, 4, 1)).astype("float32")
    logits = rng.normal(size=truth.shape).astype("float32")
    loss = MaskCrossentropy()
    for weight in (None, np.array([[1, 0, 1], [0, 0, 1]], "float32"), np.zeros((2, 3), "float32")):
        np.testing.assert_allclose(
            JoinedMean(loss)(truth, logits, weight), loss(truth, logits, weight), rtol=1e-6
        )


def test_a_batch_must_be_split_evenly():
    class Strategy:
        num_replicas_in_sync = 3

    devices = Devices(Strategy())
    devices.check_batch_size(6)
    with pytest.raises(InputError, match=r"of 4 clips .* over 3 devices; give a --batch-size"):
        devices.check_batch_size(4)


def test_by_default_there_is_one_device(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert find_devices() == Devices()


@pytest.mark.parametrize("count", [0, 9])
def test_more_devices_than_there_are(monkeypatch, count):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=rf"--devices must be 1 to \d: .*Received: {count}$"):
        find_devices(count)


def test_a_cluster_of_one_worker_is_no_cluster(monkeypatch):
    alone = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    assert find_devices() == Devices()


@pytest.mark.parametrize(
    "text",
    [
        "worker",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_unusable_tf_config(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=r"TF_CONFIG must be \{") as error:
        find_devices()
    assert str(error.value).endswith(f"Received: {text}")


def test_workers_do_not_choose_devices(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", cluster(2)[0]["TF_CONFIG"])
    with pytest.raises(InputError, match=r"for a single machine; .* CUDA_VISIBLE_DEVICES"):
        find_devices(2)
