"""Synthetic mask sequences in the layout of DAVIS 2017, with nearly correct predictions."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ytvos_keras.media.masks import write_mask

_DIRECTIONS = 720  # angles at which an outline stores its distance from the centre


def write_sequences(
    folder: Path, sequences: int, frames: int, size: tuple[int, int]
) -> Iterator[int]:
    """Write `truth/Annotations/480p/<sequence>/00000.png` … and `predictions/<sequence>/…`.

    Every sequence has one to three objects that move, change shape and occlude each other.
    Predictions are a few pixels off, smaller and with a rough outline; one in five has a patch in
    the wrong place. `size` is height and width in pixels. Yields the number of sequences written
    so far.
    """
    for n in range(sequences):
        random = np.random.default_rng((0, n))
        count = 1 + n % 3
        objects = [_Object(random, size, (k + 0.5) / count) for k in range(count)]
        name = f"sequence-{n:03d}"
        truth = folder / "truth" / "Annotations" / "480p" / name
        predictions = folder / "predictions" / name
        for path in (truth, predictions):
            path.mkdir(parents=True)
        for t in range(frames):
            write_mask(truth / f"{t:05d}.png", _draw(objects, t, size))
            write_mask(predictions / f"{t:05d}.png", _predict(objects, t, size, random))
        yield n + 1


class _Object:
    """A round object with a wavy outline that starts at `place`, a fraction of the width."""

    def __init__(self, random: np.random.Generator, size: tuple[int, int], place: float):
        height, width = size
        self.start = np.array([random.uniform(0.3, 0.7) * height, place * width])
        self.swing = random.uniform(0.05, 0.3, 2) * height
        self.speed = random.uniform(0.03, 0.12, 2)
        self.radius = random.uniform(0.1, 0.25) * height
        self.waves = [(n, random.uniform(0, 0.5) / n, random.uniform(0, 6)) for n in range(2, 8)]

    def centre(self, t: int) -> np.ndarray:
        """(2,): row and column in pixels at frame t; may be outside the image."""
        return self.start + self.swing * np.sin(self.speed * t)

    def outline(self, t: int) -> np.ndarray:
        """(_DIRECTIONS,): distance from the centre in pixels."""
        angle = np.linspace(0, 2 * math.pi, _DIRECTIONS)
        waves = [high * np.sin(n * angle + phase + 0.1 * t) for n, high, phase in self.waves]
        return self.radius * (1 + np.sum(waves, axis=0))


def _draw(objects: list[_Object], t: int, size: tuple[int, int]) -> np.ndarray:
    labels = np.zeros(size, np.uint8)
    for object_id, thing in enumerate(objects, 1):
        _fill(labels, object_id, thing.centre(t), thing.outline(t))
    return labels


def _predict(
    objects: list[_Object], t: int, size: tuple[int, int], random: np.random.Generator
) -> np.ndarray:
    labels = np.zeros(size, np.uint8)
    for object_id, thing in enumerate(objects, 1):
        shift = random.normal(0, 0.006, 2) * size[0]
        rough = random.normal(0.96, 0.02, _DIRECTIONS)
        _fill(labels, object_id, thing.centre(t) + shift, thing.outline(t) * rough)
    if random.random() < 0.2:
        y, x = (random.integers(0, n) for n in size)
        labels[y : y + 9, x : x + 9] = random.integers(1, len(objects) + 1)
    return labels


def _fill(labels: np.ndarray, object_id: int, centre: np.ndarray, outline: np.ndarray) -> None:
    """Fill an outline, clipped to the image."""
    reach = outline.max() + 1
    # Clipped at 0, since negative bounds of a slice count from the end.
    (top, left), (bottom, right) = np.maximum(centre - reach, 0), np.maximum(centre + reach, 0)
    box = np.s_[int(top) : int(bottom), int(left) : int(right)]
    part = labels[box]
    y, x = np.indices(part.shape) + 1
    y, x = y + int(top) - centre[0], x + int(left) - centre[1]
    # Rounding may make the remainder equal to 2π, hence the second modulo below.
    direction = (np.arctan2(y, x) % (2 * math.pi) / (2 * math.pi) * _DIRECTIONS).astype(int)
    part[np.hypot(y, x) < outline[direction % _DIRECTIONS]] = object_id
