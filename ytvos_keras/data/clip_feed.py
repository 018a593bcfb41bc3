"""Make clips by number, from one or more folders of records."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ytvos_keras.data.augmentation import Augmentation
from ytvos_keras.data.picture_scene import Scene, SceneSampler
from ytvos_keras.data.record_store import UnreadableFrameError, UnreadableFrames, open_records
from ytvos_keras.data.sampling import (
    MIN_OBJECT,
    ClipSampler,
    is_picture,
    warn_if_all_annotated,
)
from ytvos_keras.data.seeds import generator
from ytvos_keras.data.video_clip import EmptyMaskError, EncodedClip, encoded_clip
from ytvos_keras.errors import InputError

Data: TypeAlias = (
    str | Path | Sequence[str | Path] | Mapping[str, float] | Mapping[str | Path, float]
)
"""Folders of records, as in `make_dataset`."""

_ATTEMPTS = 50  # to draw a clip without damaged frames whose object is visible


class ClipFeed:
    """Make clip number n, independently of other clips. The arguments are those of `make_dataset`.

    Without augmentation, an image is a still video.
    """

    def __init__(
        self,
        data: Data,
        *,
        split: str | tuple[str, ...] | None,
        exclude: Collection[str],
        percent: float,
        frames: str,
        size: tuple[int, int],
        seed: int,
        augmentation: Augmentation | None,
        min_object: float,
        max_step: int,
        objects: int = 1,
        on_corrupt: str,
    ):
        folders, self._shares = sources(data)
        found = open_records(folders, split=split, exclude=exclude, percent=percent)
        if frames == "any":
            warn_if_all_annotated([video for videos in found for video in videos])
        if not isinstance(data, Mapping):
            found = [[video for videos in found for video in videos]]  # all have equal shares
        videos_config = augmentation.videos if augmentation else None
        self._samplers = [
            ClipSampler(
                videos,
                backward=videos_config.backward if videos_config else 0.0,
                uneven=videos_config.uneven if videos_config else 0.0,
                frames=frames,
                min_object=min_object,
                max_step=max_step,
                seed=seed,
            )
            for videos in found
        ]
        self.unreadable = UnreadableFrames(on_corrupt)
        self.size, self.seed, self.augmentation = size, seed, augmentation
        self.objects, self._min_object = objects, min_object
        # All images, since those without a large object still serve as backgrounds.
        pictures = [video for videos in found for video in videos if is_picture(video)]
        usable = [video for sampler in self._samplers for video in sampler.videos]
        self.makes_scenes = augmentation is not None and any(map(is_picture, usable))
        # Without augmentation, an image is a video of identical frames.
        self.makes_videos = not (self.makes_scenes and all(map(is_picture, usable)))
        if augmentation is not None and self.makes_scenes:
            self._scenes = SceneSampler(
                pictures, augmentation.pictures, min_object, self.unreadable.add
            )

    def is_scene(self, n: int) -> bool:
        """Whether clip number n is made from an image."""
        if self.augmentation is None:
            return False
        source, m = source_of_clip(n, self._shares)
        return is_picture(self._samplers[source].video(m))

    def clip(self, n: int, length: int) -> EncodedClip:
        """Clip number n, which is cut from a video."""

        def make(drawn, rng):
            config = None if self.augmentation is None else self.augmentation.videos
            return encoded_clip(drawn, rng, self.size, config, self._min_object, self.objects)

        return self._attempt(n, length, make)

    def scene(self, n: int) -> Scene:
        """The images from which clip number n is synthesized."""
        return self._attempt(n, 1, self._scenes.read)

    def _attempt(self, n, length, make):
        source, m = source_of_clip(n, self._shares)
        damaged = False
        for attempt in range(_ATTEMPTS):
            drawn = self._samplers[source].draw(m, length, attempt)
            try:
                # The attempt is part of the seed: the same crop would fail again.
                return make(drawn, generator(self.seed, "looks", n, attempt))
            except EmptyMaskError:
                # Not a fault of the data: the object is too thin at this size, in this crop.
                continue
            except UnreadableFrameError as error:
                self.unreadable.add(error)
                damaged = True
        if damaged:
            raise InputError(
                f"{_ATTEMPTS} attempts gave no clip without damaged frames; "
                "`ytvos-prepare check` lists what is wrong with the records."
            )
        raise InputError(
            f"{_ATTEMPTS} attempts gave no clip, because the objects are too thin to be seen at "
            f"{self.size[0]}×{self.size[1]}; choose a larger size or min_object."
        )


def count_videos(
    data: Data,
    *,
    split: str | tuple[str, ...] | None = "train",
    exclude: Collection[str] = (),
    percent: float = 100.0,
    min_object: float = MIN_OBJECT,
) -> int:
    """How many videos and images `make_dataset` draws clips from, with the same arguments.

    That many clips are one pass over the data (an epoch), in which each video is used once; with
    shares, an epoch has the same length.
    """
    found = open_records(sources(data)[0], split=split, exclude=exclude, percent=percent)
    return len(ClipSampler([v for videos in found for v in videos], min_object=min_object))


def source_of_clip(n: int, shares: Sequence[float]) -> tuple[int, int]:
    """Assign clip numbers to sources in proportion to their shares, evenly interleaved.

    Shares sum to 1. After any number of clips, each source has had its share of them, ±1. Returns
    the index of the source of clip n, and how many clips it has had before.
    """
    rest = 1.0
    for source, share in enumerate(shares[:-1]):
        # The share of the clips that earlier sources left over; rounding may exceed 1.
        part = min(share / rest, 1.0)
        before = math.floor(n * part)
        if math.floor((n + 1) * part) > before:
            return source, before
        n, rest = n - before, max(rest - share, 1e-12)  # no division by 0 after rounding
    return len(shares) - 1, n


def sources(data: Data) -> tuple[list[str | Path], list[float]]:
    """Return folders and their shares, which sum to 1; a single share if all videos are equal."""
    if isinstance(data, str | Path):
        return [data], [1.0]
    if not data:
        raise ValueError("Give at least one folder of records. Received: data=" + repr(data))
    if not isinstance(data, Mapping):
        return list(data), [1.0]
    shares = np.array(list(data.values()), np.float64)
    if not (np.isfinite(shares).all() and (shares > 0).all()):
        raise ValueError(f"Shares must be positive numbers. Received: data={dict(data)}")
    return list(data), (shares / shares.sum()).tolist()
