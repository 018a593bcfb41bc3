"""Device selection: one device, several on one machine, or several machines."""

import contextlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import tensorflow as tf

from ytvos_keras.errors import InputError
from ytvos_keras.training.cluster import join_cluster, name_lost_workers, read_tf_config

Make = Callable[[tuple[int, int]], tf.data.Dataset]
"""Returns the clips of worker `w` of `W`, `make((w, W))`; see `worker` of `make_dataset`."""


@dataclass(frozen=True)
class Devices:
    """Devices of a run, each with a replica of the model and a part of every batch.

    Args:
        strategy: the distribution strategy; None for one device.
        worker: index of this process, from 0; process 0 writes all files.
        workers: number of processes, each on a separate machine.
    """

    strategy: tf.distribute.Strategy | None = None
    worker: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints, logs and models."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Total number of devices of all processes."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    def scope(self) -> AbstractContextManager:
        """Context in which to build and compile the model; `fit` does not need it."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def check_batch_size(self, batch_size: int) -> None:
        """Make sure that a batch of clips can be split evenly over the devices."""
        if batch_size % self.replicas:
            raise InputError(
                f"a batch of {batch_size} clips cannot be split evenly over {self.replicas} "
                f"devices; give a --batch-size that is a multiple of {self.replicas}, or fewer "
                "--devices"
            )

    def distribute(self, make: Make) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Create a dataset for `fit`: this process's part of each batch, split over its devices.

        Args:
            make: creates an endless dataset for a worker. (With a finite one, Keras averages an
                empty step into the loss.) To validate on n batches, use `.take(n).cache().repeat()`
                and `validation_steps=n`.

        Example:
            ```python
            clips = devices.distribute(
                lambda worker: make_dataset(records, batch_size=8, worker=worker)
            )
            ```
        """
        if self.strategy is None:
            return make((0, 1))
        local = self.replicas // self.workers

        def of_this_process(_):
            # Replica numbers are consecutive within a process, as in the strategy.
            first = self.worker * local
            parts = [make((first + device, self.replicas)) for device in range(local)]
            turns = tf.data.Dataset.range(local).repeat()
            # Each replica takes the next element, so elements of the parts alternate.
            return tf.data.Dataset.choose_from_datasets(parts, turns)

        return self.strategy.distribute_datasets_from_function(of_this_process)

    def check_same(self, what: str, value: object) -> None:
        """Make sure that a value, in plain types, is the same in all processes.

        All of them must call this. `what` names the value in the error.
        """
        if self.workers == 1 or self.strategy is None:
            return
        text = json.dumps(value, sort_keys=True)
        # A checksum, because `gather` takes tensors of equal shape, not strings.
        own = tf.constant([zlib.crc32(text.encode())], tf.int64)
        found = self.strategy.gather(own, axis=0).numpy()
        if len(set(found.tolist())) > 1:
            raise InputError(
                f"{what} differs between the {self.workers} workers; start all of them with the "
                "same command and the same files, and with an --output folder that all of them see"
            )

    def report_lost_workers(self) -> AbstractContextManager:
        """Turn the loss of another process, detected within 30 s, into an `InputError`."""
        if self.workers == 1:
            return contextlib.nullcontext()
        return name_lost_workers(f"worker {self.worker} of {self.workers}")


def find_devices(
    count: int | None = None, on_wait: Callable[[int, int], None] | None = None
) -> Devices:
    """Select devices from the environment and the user's choice.

    Several machines: `TF_CONFIG` contains the same `host:port` pairs on all machines, and the index
    of this one; the command is the same on all. The call waits until all have started.

        {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}

    Otherwise the devices of this machine, GPUs if there are any. Call it before TensorFlow is used.

    Args:
        count: number of devices on this machine; default: all GPUs, or one CPU.
        on_wait: called before the wait with the index of this worker and the number of workers.

    Returns:
        The devices, for `train(…, devices=…)`.

    Raises:
        InputError: there are fewer devices, or `TF_CONFIG` is not of the form above.

    Example:
        >>> train(RECIPES["paper"], "records", "runs/paper", devices=find_devices())
    """
    workers, worker = read_tf_config(os.environ.get("TF_CONFIG"))
    if workers > 1:
        if count is not None:
            raise InputError(
                "--devices is for a single machine; with TF_CONFIG every worker uses all of its "
                f"GPUs: choose with CUDA_VISIBLE_DEVICES. Received: --devices {count}"
            )
        if on_wait is not None:
            on_wait(worker, workers)
        return Devices(join_cluster(workers), worker, workers)
    gpus = tf.config.list_logical_devices("GPU")
    names = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
    count = (len(gpus) or 1) if count is None else count
    if not 1 <= count <= len(names):
        raise InputError(
            f"--devices must be 1 to {len(names)}: TensorFlow sees {len(names)} "
            f"{'GPU' if gpus else 'CPU'} here. Received: {count}"
        )
    # No strategy for one device: plain Keras, without the changes of `multi_replica`.
    return Devices(tf.distribute.MirroredStrategy(names[:count]) if count > 1 else None)
