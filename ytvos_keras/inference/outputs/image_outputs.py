"""Outputs with one PNG per frame."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.listing import plain_name, shortened


class BinaryPictures(OutputWriter):
    """Black-and-white PNGs: 255 inside objects, 0 elsewhere."""

    def write(self, item: MaskedFrame) -> None:
        _save(self.path / f"{item.name}.png", black_and_white(item.labels > 0))


class ObjectPictures(OutputWriter):
    """A folder of black-and-white PNGs for each object, `<id>_<name>/` or `<id>/`."""

    def __init__(self, path: Path, style: ObjectStyle, ids: list[int]):
        super().__init__(path)
        self.folders = output_folders(path, ids, style.names)

    def write(self, item: MaskedFrame) -> None:
        for object_id, folder in self.folders.items():
            _save(folder / f"{item.name}.png", black_and_white(item.labels == object_id))


class CutoutPictures(OutputWriter):
    """RGBA PNGs: the objects in their original colours, transparent elsewhere."""

    def write(self, item: MaskedFrame) -> None:
        _save(self.path / f"{item.name}.png", cut_out(item))


def black_and_white(mask: np.ndarray) -> np.ndarray:
    """A boolean mask as an image, uint8: 255 inside, 0 elsewhere."""
    return np.where(mask, np.uint8(255), np.uint8(0))


def cut_out(item: MaskedFrame) -> np.ndarray:
    """The objects of a frame on transparent black: uint8 (H, W, 4)."""
    inside = item.labels > 0
    colours = np.where(inside[..., None], item.frame, np.uint8(0))
    return np.dstack([colours, black_and_white(inside)])


def output_folders(path: Path, ids: list[int], names: Mapping[int, str]) -> dict[int, Path]:
    """A subfolder for each object, named after its id and name."""
    return {i: path / folder_name(i, names.get(i)) for i in ids}


def folder_name(object_id: int, name: str | None) -> str:
    """A name for the folder of an object that is valid on every system."""
    # Replaces slashes and dots too: a name must not lead out of the folder.
    composed = plain_name(name or "")  # combining marks are not in \w
    plain = shortened(re.sub(r"[^\w-]+", "_", composed).strip("_"))
    return f"{object_id}_{plain}" if plain else str(object_id)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        Image.fromarray(pixels).save(part, format="PNG")
