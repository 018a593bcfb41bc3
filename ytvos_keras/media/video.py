"""Write H.264 video."""

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.colour_matrix import target_matrix
from ytvos_keras.media.containers import open_output

_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox")  # in order of preference
_TICK = Fraction(1, 90_000)  # of a second, as in MPEG
_QUALITY = {"libx264": {"crf": "20", "preset": "veryfast"}}


class VideoWriter:
    """Write frames to an MP4 file (H.264, yuv420p, index first) that every browser plays.

    A context manager. The file is written under a hidden temporary name and appears under its own
    when the block ends without an error; after an error or an interruption nothing is left.
    An odd height or width is padded by repeating the last row or column (yuv420p needs even ones).

    Args:
        path: the .mp4 file; its folder must exist.
        fps: frames per second, for frames that are written without a time.

    Raises:
        InputError: the installed PyAV has no H.264 encoder, or the file cannot be written.

    Example:
        >>> with VideoWriter("out.mp4", fps=25) as video:
        ...     video.write(frame)
    """

    def __init__(self, path: str | Path, fps: float | Fraction = 24):
        self.path = Path(path)
        self.fps = Fraction(fps).limit_denominator(100_000)
        self.encoder = _find_encoder()
        self._size: tuple[int, int] | None = None
        self._last = -1  # time stamp
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "VideoWriter":
        try:
            part = self._stack.enter_context(atomic_path(self.path))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error
        # FFmpeg opens the file with the first frame, so errors of the path occur here.
        self._container = self._stack.enter_context(
            open_output(part, format="mp4", options={"movflags": "faststart"})
        )
        return self

    def write(self, frame: np.ndarray, time: Fraction | None = None) -> None:
        """Add a frame.

        Args:
            frame: uint8 (H, W, 3), RGB, 0–255; all frames have the size of the first.
            time: when it is shown, in seconds after the first frame; None: at a steady rate. All
                frames have a time, or none has.

        Raises:
            ValueError: another dtype, rank or size.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(
                f"a frame must be uint8 with shape (H, W, 3). Received: {frame.dtype} {frame.shape}"
            )
        if self._size is None:
            self._start(*frame.shape[:2], is_timed=time is not None)
        if frame.shape[:2] != self._size:
            raise ValueError(
                f"all frames of a video must have one size, {self._size}. "
                f"Received: {frame.shape[:2]}"
            )
        height, width = self._size
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        matrix, _ = target_matrix(height)
        picture = picture.reformat(
            format="yuv420p", dst_colorspace=matrix, dst_color_range=ColorRange.MPEG
        )
        if time is not None:
            self._last = max(round(time / _TICK), self._last + 1)
            picture.pts, picture.time_base = self._last, _TICK
        self._encode(picture)

    def __exit__(self, kind, error, trace) -> bool | None:
        if kind is None:
            try:
                self._finish()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        return self._stack.__exit__(kind, error, trace)

    def _start(self, height: int, width: int, is_timed: bool) -> None:
        self._size = (height, width)
        options = _QUALITY.get(self.encoder, {})
        self._stream = self._container.add_stream(self.encoder, rate=self.fps, options=options)
        self._stream.height = height + height % 2
        self._stream.width = width + width % 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        if is_timed:
            context.time_base = _TICK
        # Without a tag, players guess by the size, each in a different way.
        _, tag = target_matrix(height)
        context.colorspace = context.color_primaries = context.color_trc = tag
        context.color_range = ColorRange.MPEG

    def _finish(self) -> None:
        if self._size is None:
            raise InputError(f"{self.path}: a video needs at least one frame.")
        self._encode(None)  # flush the encoder

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(picture))
        except av.FFmpegError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error


def _find_encoder() -> str:
    for name in _ENCODERS:
        with contextlib.suppress(av.codec.codec.UnknownCodecError):
            return av.Codec(name, "w").name
    raise InputError(
        "the installed PyAV cannot encode H.264 (none of "
        f"{', '.join(_ENCODERS)}); run: pip install --force-reinstall --no-deps av"
    )
