"""Parallel work in processes, and what a process uses."""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

from ytvos_keras.errors import InputError

# More are an error of the pool: Windows waits for 63 handles at once, two of them its own.
_MOST_JOBS = 61 if sys.platform == "win32" else sys.maxsize

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # fewer than `cpu_count` inside some containers
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    *,
    chunk: int = 1,
    worthwhile: int = 1,
    what: str = "works",
) -> Generator[Result]:
    """Yield `function(item)` for every item, in order.

    Processes are started afresh and not forked, as TensorFlow may run in this one. Closing the
    generator (an error or an interruption elsewhere) ends them after the current items.

    Args:
        function: of the top level of a module, so that other processes find it.
        items: must be picklable, like the results.
        jobs: processes; 1 for none but this one.
        chunk: items handed over at once.
        worthwhile: items that justify a further process; with fewer, fewer are started.
        what: says what a process does, for an error: "a process that … ended early".

    Raises:
        InputError: `jobs` is below 1, or a process was killed.
    """
    if jobs < 1:
        raise InputError(f"jobs must be at least 1. Received: {jobs}")
    jobs = min(jobs, -(-len(items) // max(chunk, worthwhile)), _MOST_JOBS)
    if jobs <= 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _leave_interruptions_to_the_parent)
    parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    try:
        # Not `pool.map`: it cancels what is left after an error, and where a process was killed,
        # Python 3.11 then prints another traceback (InvalidStateError).
        with _interruptions_held():
            results = deque(pool.submit(_map, function, part) for part in parts)
        while results:
            yield from results.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            f"a process that {what} ended early: killed for want of memory, or started from a "
            'script without `if __name__ == "__main__":`; try jobs=1.'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _map(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


@contextlib.contextmanager
def _interruptions_held() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes that are started meanwhile never get it.

    It goes to all processes of a terminal, and one that is about to start would print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interruptions_to_the_parent() -> None:
    """For Windows, where a process does not inherit what its parent holds back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def peak_memory() -> float | None:
    """Return the largest resident memory of this process so far, in MB (10⁶ bytes).

    None where the system does not report it (Windows).
    """
    # Not `ru_maxrss`: on Linux that one survives `exec`, so a large parent process shows in it.
    if (peak := _megabytes("VmHWM")) is not None:
        return peak
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def resident_memory() -> float | None:
    """Return the resident memory of this process now, in MB (10⁶ bytes); None except on Linux."""
    return _megabytes("VmRSS")


def _megabytes(name: str) -> float | None:
    """An entry of `/proc/self/status` in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None
