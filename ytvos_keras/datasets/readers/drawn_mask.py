"""Masks rasterized from annotations on demand."""

import reprlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ytvos_keras.datasets.readers.run_lengths import Size, to_area
from ytvos_keras.errors import InputError
from ytvos_keras.media.masks import MAX_ID, mask_picture
from ytvos_keras.media.pictures import encode_picture


@dataclass(frozen=True)
class Shape:
    """A part of an object, or all of it.

    Args:
        key: shapes with the same key are one object.
        category: None if unknown.
        counts: its pixels, see `run_lengths`.
    """

    key: Hashable
    category: str | None
    counts: bytes


@dataclass(frozen=True)
class DrawnMask:
    """An index PNG of the objects of one image, drawn when it is read.

    The same annotations always give the same bytes (with the same version of Pillow). Takes little
    memory and can be pickled.

    Args:
        name: of the annotation, such as `instances.json: 000042.jpg`.
        size: (height, width) of the image, in pixels.
        shapes: (object id, run lengths); where two overlap, the later one is on top.
    """

    name: str
    size: Size
    shapes: tuple[tuple[int, bytes], ...]

    def read_bytes(self) -> bytes:
        """The PNG."""
        labels = np.zeros(self.size, np.uint8)
        for number, counts in self.shapes:
            labels[to_area(counts, self.size)] = number
        return encode_picture(mask_picture(labels), "PNG")

    def __str__(self) -> str:
        return self.name


def draw(name: str, size: Size, shapes: Sequence[Shape]) -> tuple[DrawnMask, dict[int, str]]:
    """Number the objects of an image 1, 2, … in the order of their first shapes.

    Later shapes are on top; `size` is (height, width), in pixels. Returns the mask, and the
    categories by object id.
    """
    ids = {key: i for i, key in enumerate(dict.fromkeys(shape.key for shape in shapes), 1)}
    if len(ids) > MAX_ID:
        raise InputError(
            f"{name}: {len(ids)} objects, but a mask holds at most {MAX_ID}; exclude it."
        )
    categories: dict[int, str] = {}
    for shape in shapes:
        if not isinstance(shape.category, str | None):
            raise InputError(
                f"{name}: a category must be a name. Received: {reprlib.repr(shape.category)}"
            )
        if shape.category is not None:
            categories.setdefault(ids[shape.key], shape.category)
    return DrawnMask(name, size, tuple((ids[s.key], s.counts) for s in shapes)), categories
