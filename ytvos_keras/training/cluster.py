"""Set up multiple workers, and report lost workers."""

import contextlib
import re
import signal
from collections.abc import Iterator

import tensorflow as tf

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.json_file import parse_json
from ytvos_keras.processes import signal_handlers

_HEARTBEAT = 30  # seconds; TensorFlow's 10 are too few on busy CPUs
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def read_tf_config(text: str | None) -> tuple[int, int]:
    """Parse the number of workers and the index of this one from `TF_CONFIG`.

    Without it there is a single worker; `find_devices` documents the format.
    """
    if not text:
        return 1, 0
    try:
        config = parse_json(text)
        cluster, task = config["cluster"], config["task"]
        workers, worker = len(cluster["worker"]), int(task["index"])
        good = set(cluster) == {"worker"} == {task["type"]} and 0 <= worker < workers
    except (LookupError, OverflowError, TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", …]}, "task": {"type": '
            '"worker", "index": 0}}, with the number of this machine as index. '
            f"Received: {text[:200]}"
        )
    return workers, worker


def join_cluster(workers: int) -> tf.distribute.Strategy:
    """Wait for all workers of `TF_CONFIG`, without a time limit.

    Must be called before TensorFlow is used.
    """
    # The only way to set the heartbeat timeout for lost workers.
    from tensorflow.compiler.xla.tsl.protobuf.coordination_config_pb2 import CoordinatedJob
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        "standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=_HEARTBEAT * 1000,
        coordinated_jobs=[CoordinatedJob(name="worker", num_tasks=workers)],
    )
    # Python would only handle Ctrl-C after the wait for the others, and TensorFlow treats SIGTERM
    # as a preemption notice and continues.
    with signal_handlers(signal.SIG_DFL, signal.SIGINT, signal.SIGTERM):
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def name_lost_workers(name: str) -> Iterator[None]:
    """Turn TensorFlow's errors after the loss of another worker into one `InputError`.

    `name` is the name of this worker.
    """
    try:
        yield
    except _LOST as error:
        # The cause is in the middle of a long text.
        cause = re.search(r"aborted by: (.+)", str(error))
        raise InputError(
            f"{name}: another worker ended or cannot be reached "
            f"({cause[1] if cause else first_line(error)}); start all workers again with the same "
            "command to resume from the last checkpoint"
        ) from error
