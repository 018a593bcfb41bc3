"""Small record folders, written without Beam."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.media import davis_palette
from ytvos_keras.records.write_records import write_in_process


@dataclass(frozen=True)
class Bytes:
    """An image file in memory."""

    data: bytes
    name: str = "in memory"

    def read_bytes(self):
        return self.data

    def __str__(self):
        return self.name


def encode(array, form="PNG", **options):
    """Encode RGB as PNG or JPEG, or a label map as a palette PNG."""
    image = Image.fromarray(array)
    if array.ndim == 2:
        image.putpalette(davis_palette().tobytes())
    file = io.BytesIO()
    image.save(file, form, **options)
    return Bytes(file.getvalue())


def make_video(name, frames, masks, *, form="PNG", binary=False):
    """Build a video from arrays; a mask may be None."""
    encoded = (
        Frame(f"{t:05d}", encode(frame, form), None if mask is None else encode(mask))
        for t, (frame, mask) in enumerate(zip(frames, masks, strict=True))
    )
    return Video(name, tuple(encoded), binary=binary)


def moving_squares(count=2):
    """Videos of a bright square moving over noise, with every frame annotated."""
    rng = np.random.default_rng(0)
    videos = []
    for number in range(count):
        frames = rng.integers(0, 100, (8, 32, 64, 3), np.uint8)
        masks = np.zeros((8, 32, 64), np.uint8)
        for t in range(8):
            masks[t, 8:24, 4 + 3 * t : 24 + 3 * t] = 1
            frames[t][masks[t] > 0] += 120
        videos.append(make_video(f"square{number}", frames, masks))
    return videos


def write_records(videos, output, shards=2):
    """Write a record folder as `ytvos-prepare` does."""
    return write_in_process(videos, output, source="test", shards=shards)
