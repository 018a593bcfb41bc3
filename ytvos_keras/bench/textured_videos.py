"""Synthetic videos: textured objects over a moving textured background, as JPEG and PNG."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.media.masks import mask_picture
from ytvos_keras.media.pictures import encode_picture

_MARGIN = 64  # pixels by which the background exceeds the frame
_WAVES = ((6, 70.0), (25, 45.0), (90, 30.0), (300, 12.0))  # blobs across the width, contrast


@dataclass(frozen=True)
class FileInMemory:
    """The bytes of an image file, and its name for error messages."""

    data: bytes
    name: str

    def read_bytes(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        return self.name


def make_videos(
    videos: int, frames: int, size: tuple[int, int], annotated_every: int = 5
) -> Iterator[Video]:
    """Make videos of one to three objects; `size` is height and width in pixels.

    At 480×854, a frame is a JPEG of about 80 kB.
    """
    for n in range(videos):
        rng = np.random.default_rng([0, n])
        scene = _Scene(rng, size, objects=1 + n % 3)
        name = f"video-{n:03d}"
        yield Video(
            name, tuple(_frame(scene, name, t, t % annotated_every == 0) for t in range(frames))
        )


def _frame(scene: "_Scene", name: str, t: int, annotated: bool) -> Frame:
    pixels, labels = scene.draw(t)
    where = f"{name}/{t:05d}"
    image = encode_picture(Image.fromarray(pixels), "JPEG", quality=80)
    mask = None
    if annotated:
        mask = FileInMemory(encode_picture(mask_picture(labels), "PNG"), f"{where} mask")
    return Frame(f"{t:05d}", FileInMemory(image, where), mask)


class _Scene:
    """Wavy discs swinging over a sliding background."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], objects: int):
        self.size = size
        self.background = _texture(rng, (size[0] + _MARGIN, size[1] + _MARGIN))
        self.textures = [_texture(rng, size) for _ in range(objects)]
        self.start = rng.uniform(0.25, 0.75, (objects, 2)) * size
        self.swing = rng.uniform(0.05, 0.2, (objects, 2)) * size
        self.speed = rng.uniform(0.03, 0.12, (objects, 2))
        self.radius = rng.uniform(0.1, 0.25, objects) * size[0]

    def draw(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame uint8 (H, W, 3) and label map uint8 (H, W)."""
        slide = int(_MARGIN / 2 * (1 + np.sin(0.1 * t)))
        pixels = self.background[slide:, slide:][: self.size[0], : self.size[1]].copy()
        labels = np.zeros(self.size, np.uint8)
        rows, columns = np.ogrid[: self.size[0], : self.size[1]]
        for k, texture in enumerate(self.textures):
            y, x = self.start[k] + self.swing[k] * np.sin(self.speed[k] * t)
            wavy = self.radius[k] * (1 + 0.2 * np.sin(rows / 11 + 0.2 * t))
            inside = (rows - y) ** 2 + (columns - x) ** 2 < wavy**2
            labels[inside] = k + 1
            pixels[inside] = texture[inside]
        return pixels, labels


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Blobs of several sizes in colour, uint8 (H, W, 3)."""
    total = np.full((*size, 3), 127.0)
    for count, contrast in _WAVES:
        shape = (2 + count * size[0] // size[1], 2 + count, 3)
        blobs = np.clip(127 + contrast * rng.normal(size=shape), 0, 255).astype(np.uint8)
        large = Image.fromarray(blobs).resize(size[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(large, np.float64) - 127
    return np.clip(total, 0, 255).astype(np.uint8)
