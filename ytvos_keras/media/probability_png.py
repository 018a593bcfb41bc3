"""Probabilities as 16-bit greyscale PNGs."""

from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.pictures import load_picture

_WHITE = 65535


def write_probability(path: str | Path, probability: np.ndarray) -> None:
    """Write probability × 65535; the file appears whole or not at all.

    Args:
        path: the .png file; its folder must exist.
        probability: float (H, W), 0–1.
    """
    levels = np.rint(probability * np.float32(_WHITE)).astype(np.uint16)
    with atomic_path(path) as part:
        Image.fromarray(levels).save(part, format="PNG")


def read_probability(path: str | Path) -> np.ndarray:
    """Read what `write_probability` wrote: float32 (H, W), 0–1.

    Raises:
        InputError: the file cannot be read, or is no 16-bit greyscale PNG.
    """
    image = load_picture(path)
    if not image.mode.startswith("I"):
        raise InputError(f"{path}: a probability map is a 16-bit greyscale PNG.")
    return np.asarray(image).astype(np.float32) / _WHITE
