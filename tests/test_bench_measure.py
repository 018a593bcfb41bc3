import time

import pytest

from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.measure import Timing, interleave
from ytvos_keras.processes import peak_memory


def test_timing_has_median_and_minimum():
    assert Timing((3.0, 1.0, 8.0)).figures() == {"median_s": 3.0, "minimum_s": 1.0}


def test_cases_are_interleaved():
    calls, shown = [], []
    timings = interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")},
        warmup=1,
        repeats=2,
        progress=lambda *step: shown.append(step),
    )
    assert calls == ["a", "b"] * 3
    assert [len(timing.seconds) for timing in timings.values()] == [2, 2]
    assert shown == [
        ("warming up", 0, 3),
        ("measuring", 1, 3),
        ("measuring", 2, 3),
        ("measured", 3, 3),
    ]


def test_preparation_is_not_measured():
    calls = []
    timings = interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")},
        before={"a": lambda: time.sleep(0.05), "b": lambda: calls.append("before b")},
        warmup=1,
        repeats=1,
    )
    assert calls == ["a", "before b", "b"] * 2
    assert timings["a"].minimum < 0.05


def test_duration_is_in_seconds():
    timing = interleave({"sleep": lambda: time.sleep(0.02)}, warmup=0, repeats=1)["sleep"]
    assert timing.minimum >= 0.02


def test_no_repeats():
    with pytest.raises(ValueError, match=r"`repeats` must be at least 1. Received: repeats=0"):
        interleave({}, repeats=0)


def test_peak_memory_is_in_megabytes_and_never_decreases():
    before = peak_memory()
    block = bytearray(b"x") * 50_000_000
    del block
    assert peak_memory() >= max(before, 50)


def test_machine_is_described():
    machine = describe_machine()
    assert machine["cores"] >= 1
    assert machine["tensorflow"].startswith("2.")
    assert machine["keras"].startswith("3.")
    assert machine["date"][:2] == "20"
