"""Parallel work in processes, and the signals, cores and memory of a process."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from ytvos_keras.errors import InputError

# The limit of ProcessPoolExecutor: Windows waits on at most 63 handles, and the pool needs two.
_MOST_JOBS = 61 if sys.platform == "win32" else sys.maxsize

_LOGGER = "ytvos_keras"

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """The number of processor cores that this process may use."""
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

    Processes are spawned, not forked, since TensorFlow may be running in this one. Ctrl-C while
    waiting for a result interrupts them; closing the generator (after an error or Ctrl-C elsewhere)
    ends them after their current items. Their messages go to stderr as plain lines.

    Args:
        function: defined at the top level of a module, so that other processes can import it.
        items: must be picklable, as must the results.
        jobs: number of processes; 1 works in this process.
        chunk: items sent to a process at a time.
        worthwhile: items that make one more process worthwhile; short lists start fewer.
        what: what a process does, for the error "a process that … ended early".

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
    level = logging.getLogger(_LOGGER).getEffectiveLevel()
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (level,))
    parts = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    try:
        # Not `pool.map`: after an error it cancels the remaining futures, and if a process was
        # killed, Python 3.11 then prints a second traceback (InvalidStateError).
        with _interruptions_held():
            results = deque(pool.submit(_map, function, part) for part in parts)
        while results:
            yield from results.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            f"a process that {what} ended early: killed (often for lack of memory), or started "
            'from a script without `if __name__ == "__main__":`; try --jobs 1 (in Python: jobs=1).'
        ) from error
    except KeyboardInterrupt:
        # Their items may take hours. Python 3.14 has `terminate_workers` for this.
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(level: int) -> None:
    """Ignore Ctrl-C in a worker, and show its messages as the commands do."""
    # Needed on Windows, where blocked signals are not inherited.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(level)
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)


def _map(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Work on items in a worker; SIGTERM interrupts it, so that no half-written file is left."""
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        return [function(item) for item in items]
    except KeyboardInterrupt:
        os._exit(1)  # if it were raised, the pool would report it and send more items
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Only once: the pool signals the workers again when it sees that one of them has ended.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _interruptions_held() -> Iterator[None]:
    """Block Ctrl-C for a moment; processes started meanwhile inherit this and never receive it.

    A terminal sends Ctrl-C to all its processes, and one that is starting would print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def signal_handlers(
    handler: Callable[[int, FrameType | None], Any] | signal.Handlers, *numbers: int
) -> Iterator[None]:
    """Handle signals with `handler` meanwhile; outside the main thread, leave them alone."""
    before = {}
    with contextlib.suppress(ValueError):  # only the main thread can set handlers
        before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def peak_memory() -> float | None:
    """Return the peak resident memory of this process so far, in MB (10⁶ bytes).

    None where the system does not report it (Windows).
    """
    # Not `ru_maxrss`: on Linux it survives `exec`, so it may be the peak of a large parent process.
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
