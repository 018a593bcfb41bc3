"""Read frames in reverse with constant memory."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.folder_frames import FolderFrames
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.pictures import read_rgb
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.video_frames import VideoFrames

_FAST = 1  # PNG compression for short-lived files


def read_reversed(source: FrameSource, indexes: Sequence[int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, frame) for descending indexes.

    Videos are decoded from key frames. Where that is impossible (without reliable time stamps, or
    if damaged frames are replaced), they are decoded once from the beginning, and the requested
    frames are stored on disk as PNGs.
    """
    # Going backward, the frame to replace a damaged one with is not decoded yet.
    if isinstance(source, FolderFrames) and not source.skip_damage:
        yield from ((source.names[i], read_rgb(source.files[i])) for i in indexes)
        return
    track = source.track if isinstance(source, VideoFrames) else 0
    if not source.skip_damage:
        frames = RandomFrames(source.path, track=track)
        if frames.is_indexed:
            _check_end(source, indexes, frames.count)
            yield from ((frames.name(i), frames.frame(i)) for i in indexes)
            return
    with tempfile.TemporaryDirectory(prefix="ytvos-frames-") as folder:
        yield from _from_disk(source, indexes, Path(folder))


def _from_disk(
    source: FrameSource, indexes: Sequence[int], folder: Path
) -> Iterator[tuple[str, np.ndarray]]:
    wanted = set(indexes)
    names = dict(
        # Not strict: a video may end early, which the check below reports.
        zip(sorted(wanted), spool(source.read(0, wanted.__contains__), folder), strict=False)
    )
    _check_end(source, indexes, max(names, default=-1) + 1)
    for index in indexes:
        file = folder / f"{names[index]}.png"
        yield names[index], read_rgb(file)
        file.unlink()  # at once: the frames of a long video take gigabytes


def _check_end(source: FrameSource, indexes: Sequence[int], count: int) -> None:
    """Make sure that a video does not end before the first of the descending indexes."""
    if indexes and indexes[0] >= count:
        raise InputError(
            f"{source.path}: ends before frame {indexes[0]:05d}, for which a mask is given; is it "
            "cut off, or is the mask of another video?"
        )


def spool(frames: Iterator[tuple[str, np.ndarray]], folder: Path) -> Iterator[str]:
    """Write frames to `<name>.png` in a folder; yields each name once its file is written."""
    for name, frame in frames:
        Image.fromarray(frame).save(folder / f"{name}.png", compress_level=_FAST)
        yield name
