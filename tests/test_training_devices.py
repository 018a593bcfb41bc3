import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from models_helper import new_model
from records import moving_squares, write_records
from train_on_devices import TINY, run

from ytvos_keras.errors import InputError
from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.training.devices import Devices, find_devices
from ytvos_keras.training.multi_replica import ReplicatedMean, compile_replicated
from ytvos_keras.training.run_files import RunFiles

HERE = Path(__file__).parent
SECONDS = 600  # for a machine under load; a process needs about thirty


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_records(moving_squares(), folder)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Initial weights without tiny gradients, whose noise Adam would amplify."""
    path = tmp_path_factory.mktemp("start") / "start.weights.h5"
    new_model("mask-as-state").save_weights(path)
    return path


@pytest.fixture(scope="module")
def on_one_device(records, start, tmp_path_factory):
    """A reference run on one device."""
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.validate_briefly(patch.setattr)
        return run(records, start, tmp_path_factory.mktemp("one"), Devices())


@pytest.fixture(scope="module")
def tiny_start(tmp_path_factory):
    """Initial weights of the tiny network."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("tiny_start") / "start.weights.h5"
    tiny_training.TinyNet().save_weights(path)
    return path


@pytest.fixture(scope="module")
def tiny_on_one_device(records, tiny_start, tmp_path_factory):
    """The reference for the tiny network."""
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.use_tiny_net(patch.setattr)
        return run(records, tiny_start, tmp_path_factory.mktemp("one"), Devices(), recipe=TINY)


@contextlib.contextmanager
def started(*runs: tuple[list, dict]) -> Iterator[list[subprocess.Popen]]:
    """Start `train_on_devices.py` processes, and kill them on exit."""
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
    """`TF_CONFIG` environments for local workers on free ports."""
    unseeded, addresses = random.SystemRandom(), []
    with contextlib.ExitStack() as stack:
        while len(addresses) < size:
            # Not a port of the system's choice: once released, an outgoing connection may take it.
            port = unseeded.randrange(20_000, 32_768)
            with contextlib.suppress(OSError):  # in use
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                addresses.append(f"127.0.0.1:{port}")
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(size)
    ]


def assert_equal(folder: Path, expected: RunFiles) -> None:
    """Check that weights and logs agree, except for the seconds."""
    found = RunFiles(folder)
    for name in ("last", "best"):
        paths = (getattr(files, name) for files in (found, expected))
        ours, wanted = (keras.saving.load_model(path, compile=False) for path in paths)
        ours, wanted = ours.get_weights(), wanted.get_weights()
        for a, b in zip(ours, wanted, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    ours, wanted = (files.log.read_text().splitlines() for files in (found, expected))
    assert ours[0] == wanted[0] == "stage,step,J,loss,val_J,val_loss,seconds"
    for a, b in zip(ours[1:], wanted[1:], strict=True):
        a, b = ([float(x) for x in line.split(",")[1:-1]] for line in (a, b))
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.slow
def test_two_devices_match_one_with_the_joined_batch(on_one_device, records, start, tmp_path):
    with started(([records, start, tmp_path, "--cpus", 2], {})) as (process,):
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
    assert_equal(tmp_path, on_one_device)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("float32", {"gradient_accumulation_steps": 2}),
        ("float32", {"global_clipnorm": 0.5}),
        ("mixed_float16", {"global_clipnorm": 0.5, "gradient_accumulation_steps": 2}),
    ],
)
def test_gradients_of_two_devices_have_the_scale_of_one(policy, options):
    command = [sys.executable, HERE / "sgd_on_devices.py", policy, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    one, two = (np.concatenate(json.loads(line), axis=None) for line in done.stdout.splitlines())
    assert np.isfinite(one).all()
    np.testing.assert_allclose(two, one, atol=1e-6 if policy == "float32" else 2e-3)


@pytest.mark.slow
def test_two_workers_match_one_even_if_one_is_lost(
    tiny_on_one_device, records, tiny_start, tmp_path
):
    command, places = [records, tiny_start, tmp_path, "--tiny"], cluster(2)
    dying = [*command, "--die-at", 6]  # in the second epoch
    with started((command, places[0]), (dying, places[1])) as processes:
        _, errors = processes[0].communicate(timeout=SECONDS)
        assert processes[0].returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("worker 0 of 2: another worker ended or cannot be reached (")
    assert last.endswith(
        "start all workers again with the same command to resume from the last checkpoint"
    )
    with started(*((command, place) for place in cluster(2))) as processes:
        outputs = [process.communicate(timeout=SECONDS) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], outputs
    assert_equal(tmp_path, tiny_on_one_device)
    for output, _ in outputs:
        assert "the number of the worker differs between the 2 workers; start all" in output


def test_one_device_is_plain_keras():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    optimizer, loss = keras.optimizers.SGD(), MaskCrossentropy()
    devices = Devices()
    compile_replicated(model, devices, optimizer=optimizer, loss=loss)
    assert model.optimizer is optimizer and model.loss is loss
    assert devices.is_chief and devices.replicas == 1
    assert devices.distribute(lambda worker: worker) == (0, 1)
    devices.check_same("anything", 1)


def test_compiling_outside_the_scope():
    devices = Devices(tf.distribute.OneDeviceStrategy("CPU:0"))
    with pytest.raises(ValueError, match=r"within devices\.scope\(\): metrics"):
        compile_replicated(keras.Model(), devices, optimizer=None, loss=None)


def test_joined_mean_on_one_replica_is_the_loss():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (2, 3, 4, 4, 1)).astype("float32")
    logits = rng.normal(size=truth.shape).astype("float32")
    loss = MaskCrossentropy()
    for weight in (None, np.array([[1, 0, 1], [0, 0, 1]], "float32"), np.zeros((2, 3), "float32")):
        np.testing.assert_allclose(
            ReplicatedMean(loss)(truth, logits, weight), loss(truth, logits, weight), rtol=1e-6
        )


def test_batch_must_split_evenly():
    class Strategy:
        num_replicas_in_sync = 3

    devices = Devices(Strategy())
    devices.check_batch_size(6)
    with pytest.raises(InputError, match=r"of 4 clips .* over 3 devices; give a --batch-size"):
        devices.check_batch_size(4)


def test_default_is_one_device(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert find_devices() == Devices()


@pytest.mark.parametrize("count", [0, 9])
def test_invalid_number_of_devices(monkeypatch, count):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=rf"--devices must be 1 to \d: .*Received: {count}$"):
        find_devices(count)


def test_cluster_of_one_worker_is_a_single_device(monkeypatch):
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
