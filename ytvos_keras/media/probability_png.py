"""Probabilities as 16-bit greyscale PNGs."""

from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.media.atomic import atomic_path

_WHITE = 65535


def write_probability(path: str | Path, probability: np.ndarray) -> None:
    """Write a probability map, float (H, W), 0–1, scaled to 0–65535, atomically."""
    levels = np.rint(probability * np.float32(_WHITE)).astype(np.uint16)
    with atomic_path(path) as part:
        Image.fromarray(levels).save(part, format="PNG")
