"""Worker processes: interruption and messages."""

import logging
import multiprocessing
import os
import signal
import threading
import time
import warnings

import pytest

from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.processes import map_in_processes, signal_handlers

LONG = 600  # seconds


def write_slowly(path):
    with atomic_path(path) as part:
        part.write_text("half")
        path.with_suffix(".begun").touch()
        time.sleep(LONG)


def complain(number):
    warnings.warn(f"number {number}", stacklevel=1)
    logging.getLogger("ytvos_keras.any").info("item %d", number)


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_ctrl_c_interrupts_the_current_items(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    begun = [path.with_suffix(".begun") for path in paths]
    ended = threading.Event()

    def interrupt():
        while not all(path.exists() for path in begun):
            if ended.wait(0.05):
                return
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    start = time.monotonic()
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_in_processes(write_slowly, paths, 2))
    finally:
        ended.set()
        thread.join()
    assert time.monotonic() - start < LONG / 2
    assert not multiprocessing.active_children()
    assert sorted(tmp_path.iterdir()) == begun  # no half-written file


def test_signal_handlers_are_restored():
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    received = []
    with (
        pytest.raises(OSError, match="full"),
        signal_handlers(lambda number, _: received.append(number), *numbers),
    ):
        for number in numbers:
            signal.raise_signal(number)
        raise OSError("full")
    assert received == list(numbers)
    assert [signal.getsignal(number) for number in numbers] == before


def test_signals_are_left_alone_in_other_threads():
    inside = []

    def work():
        with signal_handlers(signal.SIG_IGN, signal.SIGINT):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [signal.getsignal(signal.SIGINT)] != [signal.SIG_IGN]


def test_messages_of_workers_are_plain_lines(capfd, caplog):
    caplog.set_level(logging.INFO, "ytvos_keras")
    list(map_in_processes(complain, [1, 2], 2))
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines) == ["item 1", "item 2", "warning: number 1", "warning: number 2"]
