"""Shared fixtures: quiet logs, fixed seeds, no network."""

import contextlib
import ctypes
import gc
import os
import random
import signal
import socket
import sys
import unittest.mock
from pathlib import Path

import numpy as np
import pytest

# Without compiled files, every process that a test starts compiles 40 MB of TensorFlow and Keras.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Must be set before any test imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes on two cores: with two threads each, they would wait for each other.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# Shells start background jobs with SIGINT ignored. This process and the commands that tests start
# would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Start the modules with slow tests, so that no process waits for another at the end.

    Of these, `test_annotate_page` is the last, because browsers have deadlines and the first tests
    of a fresh environment also compile TensorFlow.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.stem == "test_annotate_page"))


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Seed every random generator; restore the dtype policy afterwards."""
    random.seed(0)
    np.random.seed(0)
    keras = sys.modules.get("keras")  # not imported by tests of files and commands
    if keras is None:
        yield
        return
    # But not TensorFlow's own, on which only the order of `Dataset.shuffle` depends: setting it
    # discards all compiled functions.
    with unittest.mock.patch.object(sys.modules["tensorflow"].random, "set_seed"):
        keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def resident_bytes():
    """Memory of this process; None where it cannot be read."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_memory():
    """Collect garbage and return its memory; exempt the rest from later collections.

    glibc keeps freed memory in the arenas of TensorFlow's many threads: without a trim, a process
    grew from 5 to 14 GB over the suite, which must stay below 8 GB.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    if not gc.get_freeze_count():
        gc.freeze()


def pytest_collection_finish():
    """Exempt all that the test modules import, about a million objects, from collections."""
    free_memory()


@pytest.fixture(scope="session")
def last_memory():
    """Resident bytes when garbage was last collected."""
    return [resident_bytes()]


@pytest.fixture(autouse=True, scope="module")
def no_garbage(last_memory):
    """Collect the models and graphs that a module leaves in reference cycles.

    A collection takes seconds, so modules that use little memory are skipped.
    """
    yield
    now, before = resident_bytes(), last_memory[0]
    grown = now is None or before is None or now - before > 300e6
    # Converting a model to ONNX unfreezes all objects.
    if grown or not gc.get_freeze_count():
        free_memory()
        last_memory[0] = resident_bytes()


@pytest.fixture(autouse=True, scope="session")
def no_flush():
    """Leave it to the system when files reach the disk; no test cuts the power.

    A flush also waits for what other tests have written, for over a minute on a slow disk.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Make connections to other machines fail immediately and report the address."""
    connect = socket.socket.connect

    def guarded(self, address):
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if inet and address[0] not in ("127.0.0.1", "::1"):
            raise RuntimeError(f"a test must not use the network. Received: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def counts():
    """Number of mutated inputs per reader, printed at the end of a fuzzing run."""
    counts: dict[str, int] = {}
    yield counts
    print("\n" + "\n".join(f"{name:32}{count:9,}" for name, count in counts.items()))
    print(f"{'all':32}{sum(counts.values()):9,}")
