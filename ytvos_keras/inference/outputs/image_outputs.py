"""Outputs with one PNG per frame."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.inference.outputs.writer import Look, MaskedFrame, OutputWriter
from ytvos_keras.media.atomic import atomic_path


class BinaryPictures(OutputWriter):
    """Black-and-white PNGs: 255 inside objects, 0 elsewhere."""

    def write(self, item: MaskedFrame) -> None:
        _save(self.path / f"{item.name}.png", np.where(item.labels, 255, 0))


class ObjectPictures(OutputWriter):
    """A folder of black-and-white PNGs for each object, `<id>_<name>/` or `<id>/`."""

    def __init__(self, path: Path, look: Look, ids: list[int]):
        super().__init__(path)
        self.folders = object_folders(path, ids, look.names)

    def write(self, item: MaskedFrame) -> None:
        for object_id, folder in self.folders.items():
            mask = np.where(item.labels == object_id, 255, 0)
            _save(folder / f"{item.name}.png", mask)


class CutoutPictures(OutputWriter):
    """RGBA PNGs: the objects in their original colours, transparent elsewhere."""

    def write(self, item: MaskedFrame) -> None:
        _save(self.path / f"{item.name}.png", cut_out(item))


def cut_out(item: MaskedFrame) -> np.ndarray:
    """The objects of a frame on transparent black: uint8 (H, W, 4)."""
    inside = item.labels > 0
    colours = np.where(inside[..., None], item.frame, np.uint8(0))
    return np.dstack([colours, np.where(inside, np.uint8(255), np.uint8(0))])


def object_folders(path: Path, ids: list[int], names: Mapping[int, str]) -> dict[int, Path]:
    """A subfolder for each object, named after its id and name."""
    return {i: path / _folder_name(i, names.get(i)) for i in ids}


def _folder_name(object_id: int, name: str | None) -> str:
    """A folder name that is valid on every system."""
    # Replaces slashes and dots too: a name must not lead out of the folder.
    plain = re.sub(r"[^\w-]+", "_", name or "").strip("_")
    return f"{object_id}_{plain}" if plain else str(object_id)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        Image.fromarray(pixels.astype(np.uint8)).save(part, format="PNG")
