"""A small video, its annotation project, and the fake model that moves objects right by 1 px."""

import time
from pathlib import Path

import numpy as np
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.annotate.project import Project
from ytvos_keras.inference import Segmenter
from ytvos_keras.media.random_frames import RandomFrames

SIZE = (32, 48)


def make_frames(folder: Path, count: int = 8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        picture = np.full((*SIZE, 3), 100 + index, np.uint8)
        Image.fromarray(picture).save(folder / f"{index:05d}.png")
    return folder


def make_project(folder: Path, count: int = 8) -> Project:
    frames = RandomFrames(make_frames(folder / "clip", count))
    return Project(folder / "masks", frames)


def box(left: int, top: int = 4, side: int = 8, value: int = 1) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[top : top + side, left : left + side] = value
    return labels


def load_segmenter() -> Segmenter:
    return Segmenter(FakeModel())


def wait_until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
