import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from mask_folders import blocks, write_sequences

from ytvos_keras import processes
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import evaluate


@pytest.fixture
def long_sequence(tmp_path):
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 3, (2, 70, 8, 8), np.uint8)
    maps[0, 0, 0, :3] = [0, 1, 2]
    write_sequences(tmp_path / "truth", {"long": list(maps[0])})
    write_sequences(tmp_path / "masks", {"long": list(maps[1])})
    return tmp_path / "masks", tmp_path / "truth"


def test_processes_score_the_same_and_report_progress(long_sequence):
    calls = []
    alone = evaluate(*long_sequence, "davis2017")
    together = evaluate(
        *long_sequence, "davis2017", jobs=2, on_progress=lambda *call: calls.append(call)
    )
    assert alone.to_dict() == together.to_dict()
    assert calls == [(done, 68) for done in range(1, 69)]


def test_worker_errors_are_the_same_one_line(long_sequence):
    write_sequences(long_sequence[0], {"long": {"00040": blocks(1)[:4]}})
    messages = set()
    for jobs in (1, 2):
        with pytest.raises(InputError) as error:
            evaluate(*long_sequence, "davis2017", jobs=jobs)
        messages.add(str(error.value))
    masks, truth = (folder / "long" / "00040.png" for folder in long_sequence)
    assert messages == {
        f"{masks}: has 8×4 pixels, but {truth} has 8×8; predictions must have the size of the "
        "ground truth (resize with nearest neighbour)."
    }
    assert not multiprocessing.active_children()


def test_interrupt_ends_the_workers(long_sequence):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(*long_sequence, "davis2017", jobs=2, on_progress=interrupt)
    assert not multiprocessing.active_children()


def test_killed_worker_is_reported(monkeypatch, long_sequence):
    monkeypatch.setattr(processes, "_start_worker", sys.exit)
    with pytest.raises(InputError, match="a process that scores frames ended early: killed"):
        evaluate(*long_sequence, "davis2017", jobs=2)


def test_jobs_must_be_at_least_one(long_sequence):
    with pytest.raises(InputError, match=r"jobs must be at least 1. Received: 0"):
        evaluate(*long_sequence, "davis2017", jobs=0)


def test_number_of_processes_is_limited_on_windows(monkeypatch):
    asked = []

    def pool(jobs, *arguments):
        asked.append(jobs)
        raise InterruptedError

    monkeypatch.setattr(processes, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(processes, "_MOST_JOBS", 61)  # as on Windows
    with pytest.raises(InterruptedError):
        next(processes.map_in_processes(abs, range(1000), 200))
    assert asked == [61]


def test_import_is_light():
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'rich', 'jinja2', 'pandas'}"
    code = f"import sys, ytvos_keras.evaluation; sys.exit(str({heavy} & set(sys.modules) or ''))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == ""
