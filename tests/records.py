"""Small folders of records, written without Beam."""

import io
from dataclasses import dataclass

from PIL import Image

from ytvos_keras.data_prep.records.write_in_process import write_in_process
from ytvos_keras.data_prep.video import Frame, Video
from ytvos_keras.media import davis_palette


@dataclass(frozen=True)
class Bytes:
    """A picture file in memory."""

    data: bytes
    name: str = "in memory"

    def read_bytes(self):
        return self.data

    def __str__(self):
        return self.name


def encode(array, form="PNG", **options):
    """A picture file: RGB as PNG or JPEG, a label map as a palette PNG."""
    image = Image.fromarray(array)
    if array.ndim == 2:
        image.putpalette(davis_palette().tobytes())
    file = io.BytesIO()
    image.save(file, form, **options)
    return Bytes(file.getvalue())


def make_video(name, frames, masks, *, form="PNG", binary=False):
    """A video of arrays; a mask may be None."""
    encoded = (
        Frame(f"{t:05d}", encode(frame, form), None if mask is None else encode(mask))
        for t, (frame, mask) in enumerate(zip(frames, masks, strict=True))
    )
    return Video(name, tuple(encoded), binary=binary)


def write_records(videos, output, shards=2):
    """Writes a folder of records as `ytvos-prepare` does."""
    return write_in_process(videos, output, source="test", shards=shards)
