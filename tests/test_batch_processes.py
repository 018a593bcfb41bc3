"""`ytvos-segment --batch --jobs 2` with real processes, each loading a small model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from models_helper import small_model
from PIL import Image

from ytvos_keras.cli.common import INTERRUPTED
from ytvos_keras.inference.batch_summary import SUMMARY_NAME
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media import read_mask, write_mask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

NAMES = ("a", "b", "c")
COUNT = 12
SIZE = (64, 96)
PATIENCE = 300  # seconds


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Three videos of a bright square moving right over noise, their first masks, and a model."""
    folder = tmp_path_factory.mktemp("batch")
    small_model("mask-as-state").save(folder / "small.keras")
    random = np.random.default_rng(0)
    (folder / "masks").mkdir()
    for number, name in enumerate(NAMES):
        (folder / "videos" / name).mkdir(parents=True)
        background = random.integers(0, 80, (*SIZE, 3), np.uint8)
        for index in range(COUNT):
            pixels, labels = background.copy(), np.zeros(SIZE, np.uint8)
            place = np.s_[16:48, 10 + 2 * index : 42 + 2 * index]
            pixels[place], labels[place] = (220, 200 - 60 * number, 40), 1
            Image.fromarray(pixels).save(folder / "videos" / name / f"{index:03d}.png")
            if index == 0:
                write_mask(folder / "masks" / f"{name}.png", labels)
    return folder


def start(videos, output):
    command = [sys.executable, "-m", "ytvos_keras.cli.segment", "videos", "--batch", "--jobs", "2"]
    command += ["--mask", "masks", "--output", output, "--model", "small.keras"]
    command += ["--size", "64x96", "--quiet"]
    return subprocess.Popen(
        command,
        cwd=videos,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # own process group: SIGINT arrives as from a terminal
    )


def finish(process):
    _, error = process.communicate(timeout=PATIENCE)
    return process.returncode, error


def workers(process):
    """Pids of the worker processes that a command has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [pid for pid, command in commands.items() if b"spawn_main" in command]


def masks(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*.png"))}


def wait_for_a_mask(process, folder):
    end = time.monotonic() + PATIENCE
    while not list(folder.glob("*/*.png")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(videos):
    """The masks of an uninterrupted run."""
    assert finish(start(videos, "whole")) == (0, "")
    return videos / "whole"


def test_two_processes_and_a_killed_one(videos, whole):
    summary = json.loads((whole / SUMMARY_NAME).read_text())
    assert {name: summary[name]["frames"] for name in NAMES} == dict.fromkeys(NAMES, COUNT)
    assert len(masks(whole)) == len(NAMES) * COUNT

    process = start(videos, "killed")
    wait_for_a_mask(process, videos / "killed")
    found = workers(process)
    assert len(found) == 2
    os.kill(found[0], signal.SIGKILL)
    code, error = finish(process)
    assert code == 1
    assert error.startswith("error: a process that segments videos ended early")
    assert error.count("\n") == 1
    assert len(masks(videos / "killed")) < len(NAMES) * COUNT
    for file in (videos / "killed").rglob("*.png"):
        read_mask(file, allow_empty=True)  # writes are atomic: a visible mask is complete

    assert finish(start(videos, "killed")) == (0, "")
    assert masks(videos / "killed") == masks(whole)
    left = [path.name for path in (videos / "killed").rglob(".*")]
    assert left == []


def test_interruption_ends_all_processes(videos):
    """Ctrl-C in a terminal."""
    folder = videos / "interrupted"
    process = start(videos, "interrupted")
    wait_for_a_mask(process, folder)
    os.killpg(process.pid, signal.SIGINT)
    code, error = finish(process)  # returns once no process holds stderr open
    assert code == INTERRUPTED
    assert error == (
        "interrupted: run the same command again to resume after the last mask written\n"
    )
    assert 0 < len(masks(folder)) < len(NAMES) * COUNT
    assert {path.name for path in folder.rglob(".*")} <= {RESUME_NAME}  # no lock, no half file
