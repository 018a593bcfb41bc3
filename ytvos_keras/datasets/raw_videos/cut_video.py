"""Find the shots of one raw video, and draw and cut its clips."""

import dataclasses
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.clips_folder import ClipsFolder
from ytvos_keras.datasets.raw_videos.cut_clip import cut_clip
from ytvos_keras.datasets.raw_videos.find_videos import RawVideoFile
from ytvos_keras.datasets.raw_videos.quality import MEASURED_SIDE, QualityLimits
from ytvos_keras.datasets.raw_videos.settings import FRAME_RATE, ClipSettings
from ytvos_keras.datasets.raw_videos.shots import choose_clips, find_shots
from ytvos_keras.errors import InputError
from ytvos_keras.media.video_frames import VideoFrames

Item = TypeVar("Item")


def cut_video(
    video: RawVideoFile,
    *,
    folder: ClipsFolder,
    settings: ClipSettings,
    limits: QualityLimits,
    leave_out_rejected: bool = False,
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Cut a video's clips, resuming an earlier run.

    The record of the video in the folder is written when its clips are drawn and after each clip;
    clips of another file of the same name are an error. With `leave_out_rejected`, no frames are
    written for clips beyond the limits, which are proposed for rejection.
    """
    record = folder.load(video.name)
    if record is None:
        # Saved before a clip is cut: finding the shots means decoding the whole video.
        record = _survey(video, settings, on_frame)
        folder.save(video.name, record)
    # The size is enough to notice a mix-up, without reading the file.
    elif record.size_in_bytes != _size_of(video.path):
        raise InputError(
            f"{video.path}: a different file of this name was cut into {folder.root} earlier; "
            "rename it, or give another output folder."
        )
    for place, clip in enumerate(record.clips):
        left_out = clip.quality and leave_out_rejected and limits.reasons(clip.quality)
        if clip.written or left_out:
            continue
        # Opened lazily for each clip: if all are done, the video is not read.
        timed = VideoFrames(video.path).read_timed(clip.start, record.frame_size)
        # The clip ends before the video, so the generator still holds the file open.
        with closing(timed):
            frames = resample(_counted(timed, on_frame), clip.frame_count, FRAME_RATE)
            quality, written = cut_clip(folder, clip, frames, limits, leave_out_rejected)
        clips = list(record.clips)
        clips[place] = dataclasses.replace(clip, quality=quality, written=written)
        record = dataclasses.replace(record, clips=tuple(clips))
        folder.save(video.name, record)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:  # a broken link
        raise InputError(f"{path}: cannot be read. ({error.strerror})") from error


def _survey(
    video: RawVideoFile, settings: ClipSettings, on_frame: Callable[[], None] | None
) -> RawVideo:
    """Find the shots of a video and draw its clips."""
    frames = VideoFrames(video.path)
    small = _scaled(frames.size, MEASURED_SIDE / min(frames.size))
    shots = find_shots(_counted(frames.read_timed(size=small), on_frame))
    count, last = sum(map(len, shots)), shots[-1][-1]
    # The measured mean, as the rate stated in a container may be wrong.
    interval = last / max(1, count - 1)
    # Seeded by the name, so that a video's clips do not depend on other videos.
    random = np.random.default_rng(
        [settings.seed, zlib.crc32(video.name.encode(errors="surrogateescape"))]
    )
    drawn = choose_clips(shots, last + interval, settings, random)
    clips = tuple(
        Clip(f"{video.name}_{number:02d}", video.label, start, frame_count)
        for number, (start, frame_count) in enumerate(drawn, start=1)
    )
    return RawVideo(
        video=video.label,
        size_in_bytes=video.path.stat().st_size,
        frame_rate=float(1 / interval) if interval else 0.0,
        frame_size=_scaled(frames.size, (settings.height or frames.size[0]) / frames.size[0]),
        seconds=float(last + interval),
        shot_count=len(shots),
        clips=clips,
    )


def resample(
    frames: Iterable[tuple[Fraction, np.ndarray]], count: int, rate: Fraction
) -> Iterator[np.ndarray]:
    """Yield frames at a constant rate: at each time, the frame whose time stamp is nearest.

    Nothing is interpolated: frames of a faster video are dropped, those of a slower one are
    repeated (the same array), and at the same rate (also 29.97 for 30) all are kept. Of two equally
    near frames, the earlier is used.

    Args:
        frames: (time in seconds, frame) in order, at least one; output starts with the first.
        count: number of frames to yield; the last is repeated if the video ends early.
        rate: frames per second.
    """
    frames = iter(frames)
    start, nearest = next(frames)
    time, later = start, next(frames, None)
    for index in range(count):
        due = start + index / rate
        while later is not None and abs(later[0] - due) < abs(time - due):
            (time, nearest), later = later, next(frames, None)
        yield nearest


def _counted(items: Iterable[Item], on_item: Callable[[], None] | None) -> Iterator[Item]:
    for item in items:
        if on_item is not None:
            on_item()
        yield item


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Scale a size down, never up."""
    height, width = (max(1, round(side * min(1.0, scale))) for side in size)
    return height, width
