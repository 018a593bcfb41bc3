"""Run a command that prints its help, and check that it is quick."""

import os
import subprocess

BOUND = 0.5  # seconds


def quick_output(*command: str) -> str:
    """Return the output of a command; the quickest of three runs must take under half a second.

    CPU time, which other processes on the machine hardly change.
    """
    seconds = []
    for _ in range(3):
        before = _cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds.append(_cpu_seconds() - before)
        assert done.returncode == 0, done.stderr
    assert min(seconds) < BOUND
    return done.stdout


def _cpu_seconds() -> float:
    """CPU time of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system
