"""Small videos on disk for record tests."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.media import write_mask

HEIGHT, WIDTH = 24, 32


def make_source(folder: Path, videos: int = 6, frames: int = 4) -> Path:
    """Write videos in the YouTube-VOS layout; every second frame has a mask.

    In video v, object 1 (10 × 8 pixels) is in every mask and object 2 + v (5 × 4) from the second
    mask on.
    """
    random = np.random.default_rng(0)
    for v in range(videos):
        for t in range(frames):
            image = folder / "JPEGImages" / f"v{v}" / f"{t:05d}.jpg"
            image.parent.mkdir(parents=True, exist_ok=True)
            picture = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
            Image.fromarray(picture).save(image, quality=90)
            if t % 2 == 0:
                mask = folder / "Annotations" / f"v{v}" / f"{t:05d}.png"
                mask.parent.mkdir(parents=True, exist_ok=True)
                write_mask(mask, _labels(v, t))
    return folder


def make_videos(folder: Path, videos: int = 6, frames: int = 4) -> list[Video]:
    """Write the videos and list them."""
    return list_videos(make_source(folder, videos, frames))


def list_videos(folder: Path) -> list[Video]:
    """The videos of `make_source` as a reader yields them; object 1 is a dog."""
    return [
        Video(
            source.name,
            tuple(
                Frame(image.stem, image, mask if mask.exists() else None)
                for image in sorted(source.iterdir())
                for mask in [folder / "Annotations" / source.name / f"{image.stem}.png"]
            ),
            {1: "dog"},
        )
        for source in sorted((folder / "JPEGImages").iterdir())
    ]


def _labels(v: int, t: int) -> np.ndarray:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[2:12, 3 + t : 11 + t] = 1
    if t:
        labels[15:20, 4:8] = 2 + v
    return labels


@dataclass(frozen=True)
class SlowFile:
    """A file whose reads are delayed by the number of seconds set in the environment."""

    path: Path

    def read_bytes(self) -> bytes:
        time.sleep(float(os.environ.get("SLOW_FILE_SECONDS", "0")))
        return self.path.read_bytes()

    def __str__(self) -> str:
        return str(self.path)


def slowly(videos: list[Video]) -> list[Video]:
    """The same videos with slow frame files."""
    return [
        Video(
            video.name,
            tuple(Frame(f.name, SlowFile(f.image), f.mask) for f in video.frames),
            video.categories,
        )
        for video in videos
    ]
