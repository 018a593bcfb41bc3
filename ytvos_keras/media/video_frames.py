"""Frames of a video file, through PyAV (FFmpeg)."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.frame_source import FrameSource


class VideoFrames(FrameSource):
    """The first video stream of a file: every decoded frame, in the order of presentation.

    Frames are named by their number: 00000, 00001, … The rotation and mirroring that phones store
    beside the pixels (the display matrix) are applied as the first frame has them. Pixels are taken
    as square.

    Args:
        path: a file in any container and codec that FFmpeg decodes.

    Raises:
        InputError: not a video, or its first frame cannot be decoded.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.files = [self.path]
        with _one_line_errors(self.path, None), av.open(str(self.path)) as container:
            if not container.streams.video:
                raise InputError(f"{self.path}: no video in this file.")
            stream = container.streams.video[0]
            self.count = stream.frames or None
            self.fps: Fraction | None = stream.average_rate or stream.guessed_rate
            first = next(container.decode(stream), None)
        if first is None:
            raise InputError(f"{self.path}: no frames in this video.")
        # Of the first frame only: asking a frame for its side data keeps it in memory.
        self._display_matrix = _display_matrix(first)
        self.size = self._picture(first).shape[:2]

    def read(self, start: int = 0) -> Iterator[tuple[str, np.ndarray]]:
        # Frames before `start` are decoded and dropped: exact for every codec, unlike seeking.
        index = 0
        with _one_line_errors(self.path, lambda: index), av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            # Not thread_type "AUTO": with frame threads FFmpeg keeps decoding errors to itself.
            for frame in container.decode(stream):
                if index >= start:
                    yield f"{index:05d}", self._picture(frame)
                index += 1
        if self.count and index < self.count:
            warnings.warn(
                f"{self.path}: its header says {self.count} frames, but only {index} are in it; "
                "is the file cut off?",
                stacklevel=2,
            )

    def _picture(self, frame: av.VideoFrame) -> np.ndarray:
        return _upright(frame.to_ndarray(format="rgb24"), self._display_matrix)

    def index_of(self, stem: str) -> int | None:
        return int(stem) if stem.isdecimal() else None


class _one_line_errors:
    """Turn FFmpeg's errors into `InputError`s that name the file and the frame."""

    def __init__(self, path, frame_index):
        self.path, self.frame_index = path, frame_index

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if not isinstance(error, av.FFmpegError):
            return
        reason = error.strerror or str(error)
        if self.frame_index is None:
            raise InputError(
                f"{self.path}: cannot be read as a video; give a video file or a folder of JPEG or "
                f"PNG frames. ({reason})"
            ) from error
        raise InputError(
            f"{self.path}: frame {self.frame_index():05d} cannot be decoded, is the file cut off "
            f"or damaged? ({reason})"
        ) from error


def _display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3).copy()


def _upright(picture: np.ndarray, display_matrix: np.ndarray | None) -> np.ndarray:
    """Return a picture as it is meant to be shown, uint8 (H, W, 3).

    The display matrix [[a, b], [c, d]] sends pixel (x, y) to (a·x + c·y, b·x + d·y); only quarter
    turns and mirrorings are in use (https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html).
    """
    if display_matrix is None:
        return picture
    (a, b), (c, d) = display_matrix[:2, :2]
    if abs(int(b)) > abs(int(a)):  # x and y change places
        picture, a, d = picture.swapaxes(0, 1), c, b
    picture = picture[:, ::-1] if a < 0 else picture
    picture = picture[::-1] if d < 0 else picture
    return np.ascontiguousarray(picture)
