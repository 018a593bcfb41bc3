"""Folders of small hand-made masks."""

import json
from pathlib import Path

import numpy as np

from ytvos_keras.media.masks import write_mask


def blocks(*ids: int) -> np.ndarray:
    """Label map (8, 8); object i is two adjacent pixels in row i."""
    labels = np.zeros((8, 8), np.uint8)
    for i in ids:
        labels[i, 3:5] = i
    return labels


def half(i: int) -> np.ndarray:
    """One of the two pixels of object i: J = 1/2, and F = 1 as no contour is off by two pixels."""
    labels = blocks(i)
    labels[i, 4] = 0
    return labels


def write_sequences(folder: Path, sequences: dict[str, list[np.ndarray] | dict[str, np.ndarray]]):
    """Write `folder/<sequence>/<frame>.png`; a list is numbered 00000, 00001, …."""
    for sequence, frames in sequences.items():
        (folder / sequence).mkdir(parents=True, exist_ok=True)
        if isinstance(frames, list):
            frames = {f"{t:05d}": labels for t, labels in enumerate(frames)}
        for name, labels in frames.items():
            write_mask(folder / sequence / f"{name}.png", labels)


def write_meta(path: Path, videos: dict[str, dict[str, tuple[str | None, list[str]]]]):
    """Write a `meta.json`; an object is (category, frames), and category None omits the key."""
    objects = {
        video: {
            i: {"frames": frames} | ({"category": category} if category else {})
            for i, (category, frames) in items.items()
        }
        for video, items in videos.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"videos": {video: {"objects": items} for video, items in objects.items()}}
    path.write_text(json.dumps(content))
