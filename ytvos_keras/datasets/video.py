"""A video with masks, as all readers of data sets return it. An image is a video of one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class EncodedFile(Protocol):
    """A source of the bytes of an image file: a path, or a mask drawn from polygons."""

    def read_bytes(self) -> bytes:
        """Return the contents of the file."""


@dataclass(frozen=True)
class Frame:
    """One frame and its mask.

    Args:
        name: its name in the data set without the suffix, such as `00005`.
        image: a JPEG or PNG, in most data sets the path of a file.
        mask: an index or greyscale PNG of the frame's size (0 = background, 1–254 = object ids,
            255 = void); None if this frame is not annotated.
    """

    name: str
    image: EncodedFile
    mask: EncodedFile | None


@dataclass(frozen=True)
class Video:
    """Frames in order.

    Args:
        name: unique in its data set, such as `003234408d` or `segtrack2/girl`.
        frames: at least one.
        categories: by object id; unknown ones are left out.
        object_frames: names of the frames in which an object is annotated, by object id, where the
            data set lists them (`meta.json` of YouTube-VOS); None where it does not.
        binary: whether the data set defines every value above 0 as object 1 (DAVIS 2016). Masks
            that are black and white throughout are always read this way, see
            `label_values.is_binary`.
    """

    name: str
    frames: tuple[Frame, ...]
    categories: Mapping[int, str] = field(default_factory=dict)
    object_frames: Mapping[int, tuple[str, ...]] | None = None
    binary: bool = False
