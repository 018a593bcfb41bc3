"""Random access to frames and masks of records."""

import logging
import threading
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.datasets.label_values import decode_labels
from ytvos_keras.datasets.selection import select_names
from ytvos_keras.datasets.split_files import training_fraction
from ytvos_keras.errors import InputError
from ytvos_keras.media.pictures import DamagedPictureError, encode_picture, open_picture, to_rgb
from ytvos_keras.records.index import read_index
from ytvos_keras.records.indexed_video import Blob, IndexedVideo, read_blob

logger = logging.getLogger(__name__)

_JPEG_END = b"\xff\xd9"

recently_read: deque[tuple[IndexedVideo, int]] = deque(maxlen=4096)
"""Videos and frame numbers that `read_encoded` returned recently, the latest last. TensorFlow,
which decodes them, cannot tell where a damaged frame comes from."""


class UnreadableFrameError(Exception):
    """A frame or mask is damaged. The message is one line and names it."""


def open_records(
    data: Sequence[str | Path],
    *,
    split: str | tuple[str, ...] | None = "train",
    exclude: Collection[str] = (),
    percent: float = 100.0,
) -> list[list[IndexedVideo]]:
    """List the videos of each folder of records, without opening a shard.

    The arguments are those of `make_dataset`. Raises an `InputError` if no video is left.
    """
    found = [read_index(folder, split) for folder in data]
    names = [video.name for videos in found for video in videos]
    kept = set(select_names(names, Path(data[0]), exclude=exclude))
    chosen = [[video for video in videos if video.name in kept] for videos in found]
    return [_fraction(videos, percent) for videos in chosen]


def _fraction(videos: list[IndexedVideo], percent: float) -> list[IndexedVideo]:
    names = set(training_fraction([video.name for video in videos], percent))
    return [video for video in videos if video.name in names]


def read_encoded(video: IndexedVideo, frame: int) -> bytes:
    """Read one frame in a form that TensorFlow decodes like Pillow.

    Returns an ordinary JPEG as it was written, and anything else, including an unusual JPEG, as an
    RGB PNG of the decoded pixels. Raises an `UnreadableFrameError` if the frame is damaged.
    """
    name = frame_name(video, frame)
    data = _read(video, video.images[frame], name)
    image = _open(video, data, name, load=False)
    # Only what TensorFlow is sure to decode like Pillow; the rest is decoded here.
    if image.format == "JPEG" and image.mode in ("RGB", "L") and data.endswith(_JPEG_END):
        recently_read.append((video, frame))
        return data
    # Level 1: the file only lives until TensorFlow decodes it.
    decoded = to_rgb(_open(video, data, name, load=True))
    return encode_picture(decoded, "PNG", compress_level=1)


def read_image(video: IndexedVideo, frame: int) -> Image.Image:
    """Read and decode one frame, RGB; raises an `UnreadableFrameError` if it is damaged."""
    name = frame_name(video, frame)
    data = _read(video, video.images[frame], name)
    return to_rgb(_open(video, data, name, load=True))


def read_labels(video: IndexedVideo, frame: int) -> np.ndarray:
    """Read the label map of an annotated frame: uint8 (height, width), see `decode_labels`.

    Raises an `UnreadableFrameError` if it is damaged.
    """
    name = f"{frame_name(video, frame)} (mask)"
    blob = video.masks[frame]
    assert blob is not None  # the frame is annotated
    data = _read(video, blob, name)
    try:
        labels = decode_labels(data, name)
    except InputError as error:
        raise UnreadableFrameError(str(error)) from error
    _check_size(video, labels.shape, name)
    return labels


def is_object(labels: np.ndarray, video: IndexedVideo, number: int) -> np.ndarray:
    """The mask of one object of a label map: boolean, of the same shape."""
    return labels > 0 if video.binary else labels == number


class UnreadableFrames:
    """Count damaged frames, and log each of them once.

    With `on_corrupt="raise"`, the first one raises `InputError` instead.
    """

    def __init__(self, on_corrupt: str = "skip"):
        if on_corrupt not in ("skip", "raise"):
            raise ValueError(
                f'on_corrupt must be "skip" or "raise". Received: on_corrupt={on_corrupt!r}'
            )
        self.on_corrupt = on_corrupt
        self.met: dict[str, int] = {}
        """How often each damaged frame was encountered, by its error message."""
        self._lock = threading.Lock()

    def add(self, error: UnreadableFrameError) -> None:
        """Count a damaged frame, and log it the first time."""
        message = str(error)
        if self.on_corrupt == "raise":
            raise InputError(
                f"{message}. `ytvos-prepare check` lists all such frames; on_corrupt='skip' "
                "leaves them out."
            ) from error
        with self._lock:
            # Pipeline threads encounter damaged frames in parallel.
            self.met[message] = self.met.get(message, 0) + 1
            if self.met[message] == 1:
                logger.warning("%s; it is left out (unreadable so far: %d)", message, len(self.met))


def frame_name(video: IndexedVideo, frame: int) -> str:
    """Name a frame in messages."""
    return f"{video.shard}: {video.name}/{video.frame_names[frame]}"


def _read(video: IndexedVideo, blob: Blob, name: str) -> bytes:
    try:
        return read_blob(video.shard, blob)
    except OSError as error:
        raise UnreadableFrameError(f"{name}: cannot be read ({error.strerror})") from error
    except InputError as error:
        raise UnreadableFrameError(f"{name}: {error}") from error


def _open(video: IndexedVideo, data: bytes, name: str, *, load: bool) -> Image.Image:
    """Open the image of a frame and check its size against the index; decode it if `load`."""
    try:
        with open_picture(data) as image:
            # An image of another size is an error in any case, and may be huge.
            if load and (image.height, image.width) == (video.height, video.width):
                image.load()
    except DamagedPictureError as error:
        raise UnreadableFrameError(f"{name}: cannot be decoded ({error})") from error
    _check_size(video, (image.height, image.width), name)
    return image


def _check_size(video: IndexedVideo, size: tuple[int, int], name: str) -> None:
    if size != (video.height, video.width):
        raise UnreadableFrameError(
            f"{name}: is {size[0]}x{size[1]} pixels instead of {video.height}x{video.width}"
        )
