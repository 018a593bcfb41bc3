import os
import subprocess
import sys
from pathlib import Path

import pytest

# Little output is written when it is flushed, much of it earlier.
LENGTHS = pytest.mark.parametrize("length", [1, 100_000])


def run_command(length, stdout):
    """Run a command that prints N characters; return its exit code and its errors."""
    code = (
        "import sys; from ytvos_keras.cli.common import run;"
        f"sys.exit(run(lambda: print('x' * {length})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, text=True
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="another error on Windows")
@LENGTHS
def test_closed_pipe_is_one_line(length):
    read, write = os.pipe()
    os.close(read)
    try:
        assert run_command(length, write) == (1, "error: [Errno 32] Broken pipe\n")
    finally:
        os.close(write)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@LENGTHS
def test_full_disk_is_one_line(length):
    with Path("/dev/full").open("w") as full:
        assert run_command(length, full) == (1, "error: [Errno 28] No space left on device\n")
