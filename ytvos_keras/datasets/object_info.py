"""Where and how large each object of a video appears."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ytvos_keras.datasets.label_values import object_areas


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a video.

    Args:
        category: None if unknown.
        first: index of the first frame whose mask shows it.
        last: index of the last such frame.
        areas: its size in pixels in each annotated frame, 0 where it is not visible.
    """

    category: str | None
    first: int
    last: int
    areas: tuple[int, ...]


def objects_of(
    areas: Mapping[int, np.ndarray], binary: bool, categories: Mapping[int, str]
) -> dict[int, ObjectInfo]:
    """Collect the objects of a video from its masks, in ascending order of id.

    Args:
        areas: index of an annotated frame, in order → number of pixels of each value: int64
            (256,), see `label_values.label_areas`.
        binary: whether every value above 0 is object 1.
        categories: by object id; need not match the ids in the masks.
    """
    sizes = {index: object_areas(counts, binary) for index, counts in areas.items()}
    objects = {}
    for number in sorted(set().union(*sizes.values())):
        seen = [index for index, in_frame in sizes.items() if number in in_frame]
        objects[number] = ObjectInfo(
            category=categories.get(number),
            first=seen[0],
            last=seen[-1],
            areas=tuple(in_frame.get(number, 0) for in_frame in sizes.values()),
        )
    return objects
