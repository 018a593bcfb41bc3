"""Write video files: H.264, and VP9 with an alpha channel."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Self

import av
import numpy as np
from av.video.reformatter import ColorRange

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.colour_matrix import target_matrix
from ytvos_keras.media.containers import open_output

_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox")  # in order of preference
_QUALITY = {"libx264": {"crf": "20", "preset": "veryfast"}}
_VP9 = "libvpx-vp9"
# b=0: constant quality, otherwise crf is only an upper limit. libvpx cannot encode alpha together
# with alternate reference frames.
_VP9_QUALITY = {"crf": "24", "b": "0", "cpu-used": "5", "deadline": "realtime", "auto-alt-ref": "0"}


class _Writer:
    """Base class of both writers; `quality` are the encoder's options."""

    pixels: tuple[str, int]  # pixel format and number of channels of a frame
    stored: str  # pixel format in the file
    tick: Fraction  # seconds; unit of the time stamps
    container: ClassVar[dict]  # options of `open_output`

    def __init__(self, path: str | Path, fps: float | Fraction, encoder: str, quality: dict):
        self.path = Path(path)
        self.fps = Fraction(fps).limit_denominator(100_000)
        self.encoder, self._quality = encoder, quality
        self._size: tuple[int, int] | None = None
        self._last = -1  # time stamp
        self._colours: dict = {}  # arguments of `reformat`
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            part = self._stack.enter_context(atomic_path(self.path))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error
        # FFmpeg opens the file with the first frame; `atomic_path` finds errors of the path here.
        self._container = self._stack.enter_context(open_output(part, **self.container))
        return self

    def __exit__(self, kind, error, trace) -> bool | None:
        # After an error the encoder is not flushed, since the file is discarded.
        if kind is None:
            try:
                if self._size is None:
                    raise InputError(f"{self.path}: a video needs at least one frame.")
                self._encode(None)  # flush the encoder
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        return self._stack.__exit__(kind, error, trace)

    def write(self, frame: np.ndarray, time: Fraction | None = None) -> None:
        """Add a frame.

        Args:
            frame: uint8 (H, W, 3 or 4), RGB or RGBA, 0–255; all frames have the size of the first.
            time: when it is shown, in seconds after the first frame; None: at a constant rate.
                Either all frames have a time, or none.

        Raises:
            ValueError: wrong dtype, rank or size.
        """
        pixels, channels = self.pixels
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != channels:
            raise ValueError(
                f"a frame must be uint8 with shape (H, W, {channels}). "
                f"Received: {frame.dtype} {frame.shape}"
            )
        height, width = frame.shape[:2]
        if self._size is None:
            self._start(height, width, is_timed=time is not None)
        if frame.shape[:2] != self._size:
            raise ValueError(
                f"all frames of a video must have the same size, {self._size}. "
                f"Received: {frame.shape[:2]}"
            )
        # yuv420p has one chroma sample for 2×2 pixels. A black border would show in players.
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format=pixels)
        picture = picture.reformat(format=self.stored, **self._colours)
        if time is not None:
            # Time stamps must increase, but those of two frames may round to the same tick.
            self._last = max(round(time / self.tick), self._last + 1)
            picture.pts, picture.time_base = self._last, self.tick
        self._encode(picture)

    def _start(self, height: int, width: int, is_timed: bool) -> None:
        self._size = (height, width)
        stream = self._container.add_stream(self.encoder, rate=self.fps, options=self._quality)
        assert isinstance(stream, av.VideoStream)  # all of our encoders are for video
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = self.stored
        if is_timed:
            stream.codec_context.time_base = self.tick
        self._stream = stream

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(picture))
        except av.FFmpegError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error


class VideoWriter(_Writer):
    """Write RGB frames to an MP4 file (H.264, yuv420p, index first) that every browser plays.

    A context manager. The file is written under a hidden temporary name and renamed when the block
    ends without an error; after an error or an interruption, nothing is left behind.
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

    pixels, stored = ("rgb24", 3), "yuv420p"
    tick = Fraction(1, 90_000)  # as in MPEG
    container: ClassVar[dict] = {"format": "mp4", "options": {"movflags": "faststart"}}

    def __init__(self, path: str | Path, fps: float | Fraction = 24):
        encoder = _find_encoder(f"H.264 (none of {', '.join(_ENCODERS)})", _ENCODERS)
        super().__init__(path, fps, encoder, _QUALITY.get(encoder, {}))

    def _start(self, height: int, width: int, is_timed: bool) -> None:
        super()._start(height, width, is_timed)
        matrix, tag = target_matrix(height)
        self._colours = {"dst_colorspace": matrix, "dst_color_range": ColorRange.MPEG}
        # Without a tag, players guess from the size, and not all in the same way.
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = tag
        context.color_range = ColorRange.MPEG


class AlphaVideoWriter(_Writer):
    """Write RGBA frames to a WebM file (VP9 with alpha), which browsers and editors composite.

    Like `VideoWriter`. Frames are not premultiplied.

    Args:
        path: the .webm file; its folder must exist.
        fps: frames per second, for frames that are written without a time.

    Raises:
        InputError: the installed PyAV has no VP9 encoder.
    """

    pixels, stored = ("rgba", 4), "yuva420p"
    tick = Fraction(1, 1000)  # as in all WebM files
    container: ClassVar[dict] = {"format": "webm"}

    def __init__(self, path: str | Path, fps: float | Fraction):
        super().__init__(path, fps, _find_encoder("VP9", (_VP9,)), _VP9_QUALITY)
        self._count = 0

    def write(self, frame: np.ndarray, time: Fraction | None = None) -> None:
        super().write(frame, self._count / self.fps if time is None else time)
        self._count += 1


def _find_encoder(codec: str, names: tuple[str, ...]) -> str:
    for name in names:
        # FFmpeg builds differ in the encoders that they include.
        with contextlib.suppress(av.codec.codec.UnknownCodecError):
            return av.Codec(name, "w").name
    raise InputError(
        f"the installed PyAV cannot encode {codec}; run: pip install --force-reinstall --no-deps av"
    )
