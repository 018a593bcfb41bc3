"""A small video, its annotation project, and fake models.

One moves objects right by 1 px, the other finds ellipses.
"""

import threading
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


class EllipseFinder:
    """A stand-in for `MaskFinder` that records trimaps, and waits while `gate` is cleared."""

    def __init__(self):
        self.trimaps: list[np.ndarray] = []
        self.gate = threading.Event()
        self.gate.set()

    def find(self, frame: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        assert (frame.shape, frame.dtype, trimap.dtype) == ((*SIZE, 3), np.uint8, np.float32)
        self.trimaps.append(trimap)
        self.gate.wait(60)
        return ellipse_in(trimap) > 0


def ellipse_in(trimap: np.ndarray) -> np.ndarray:
    """The labels of an object 1 that `EllipseFinder` finds: an ellipse, and what is marked."""
    distance = np.zeros(SIZE)
    for axis in (0, 1):
        possible = np.flatnonzero((trimap > 0).any(1 - axis))
        places = np.arange(SIZE[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
        distance = distance + ((places - possible.mean()) / (len(possible) / 2)) ** 2
    return ((distance <= 1) & (trimap > 0) | (trimap == 1)).astype(np.uint8)


def wait_until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
