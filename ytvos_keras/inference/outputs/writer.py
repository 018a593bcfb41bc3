"""Common interface of all outputs."""

import abc
import contextlib
import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class MaskedFrame:
    """A segmented frame.

    Attributes:
        index: index of the frame in the video.
        name: name of the frame and of its mask.
        frame: uint8 (H, W, 3), RGB, 0–255.
        labels: uint8 (H, W), 0 or the id of an object.
        time: in seconds after the first frame, None if frames have none.
    """

    index: int
    name: str
    frame: np.ndarray
    labels: np.ndarray
    time: Fraction | None = None


@dataclasses.dataclass(frozen=True)
class ObjectStyle:
    """Colours and names of objects.

    Attributes:
        palette: uint8 (256, 3), RGB.
        names: object id to name; objects without one are named by their id.
    """

    palette: np.ndarray
    names: Mapping[int, str] = dataclasses.field(default_factory=dict)

    def name(self, object_id: int) -> str:
        """The name of an object."""
        return self.names.get(object_id, str(object_id))


class OutputWriter(contextlib.AbstractContextManager, abc.ABC):
    """Write one output, frame by frame; a context manager that finishes it on exit.

    Args:
        path: the file or folder to write. Files are written atomically.
    """

    def __init__(self, path: Path):
        self.path = path

    @abc.abstractmethod
    def write(self, item: MaskedFrame) -> None:
        """Add a frame."""

    def __exit__(self, kind, error, trace) -> bool | None:
        """Finish the output; nothing to do if each frame is a separate file."""
        return None
