"""Folders of small synthetic frames that match `mask_folders`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (8, 8)  # (height, width), as in `mask_folders.blocks`


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Random colours, different for every seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    return Image.fromarray(pixels)


def write_frames(
    folder: Path, names: Sequence[str], suffix: str = ".jpg", size: tuple[int, int] = SIZE
):
    """Write `folder/<name><suffix>`; every frame differs, also between folders."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        seed = int.from_bytes(f"{folder.name}/{name}".encode())
        picture(seed, size).save(folder / f"{name}{suffix}")


def every_fifth(count: int) -> list[str]:
    """00000, 00005, …"""
    return [f"{5 * t:05d}" for t in range(count)]
