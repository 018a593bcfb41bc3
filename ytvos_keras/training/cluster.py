"""Several machines that train together: set-up, and reports of lost workers."""

import contextlib
import json
import re
import signal
from collections.abc import Iterator

import tensorflow as tf

from ytvos_keras.errors import InputError, first_line

_HEARTBEAT = 30  # seconds; TensorFlow's 10 are too few where other work keeps the CPUs busy
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def read_tf_config(text: str | None) -> tuple[int, int]:
    """How many workers there are, and the number of this one.

    Args:
        text: `TF_CONFIG`; None or empty stands for a single worker.

    Raises:
        InputError: it is not of the form that `find_devices` tells.
    """
    if not text:
        return 1, 0
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        workers, worker = len(cluster["worker"]), int(task["index"])
        good = set(cluster) == {"worker"} == {task["type"]} and 0 <= worker < workers
    except (LookupError, RecursionError, TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", …]}, "task": {"type": '
            f'"worker", "index": 0}}}}, with the number of this machine as index. Received: {text}'
        )
    return workers, worker


def join_cluster(workers: int) -> tf.distribute.Strategy:
    """Wait for the other workers of `TF_CONFIG`, however long it takes.

    To be called before anything else uses TensorFlow.

    Args:
        workers: how many there are.
    """
    # The only way to set the time without a heartbeat after which a worker counts as lost.
    from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        "standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=_HEARTBEAT * 1000,
        coordinated_jobs=[CoordinatedJob(name="worker", num_tasks=workers)],
    )
    with _signals_that_end():
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def _signals_that_end() -> Iterator[None]:
    """Let Ctrl-C end the wait for the others, and SIGTERM the run.

    Python does not get to its own answer to Ctrl-C before they are there, and TensorFlow takes
    SIGTERM for the notice of a later end, and goes on.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(each, signal.SIG_DFL) for each in signals]
    except ValueError:  # not in the main thread: there are none to answer
        yield
        return
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


@contextlib.contextmanager
def name_lost_workers(name: str) -> Iterator[None]:
    """Turn the errors of TensorFlow that follow the loss of a worker into one clear line.

    Args:
        name: of this worker.

    Raises:
        InputError: another worker ended or cannot be reached any more.
    """
    try:
        yield
    except _LOST as error:
        cause = re.search(r"aborted by: (.+)", str(error))
        raise InputError(
            f"{name}: another worker ended or cannot be reached "
            f"({cause[1] if cause else first_line(error)}); start all workers again with the same "
            "command to go on from the last checkpoint"
        ) from error
