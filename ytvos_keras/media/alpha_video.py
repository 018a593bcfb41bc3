"""Write WebM video with an alpha channel."""

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.containers import open_output

_ENCODER = "libvpx-vp9"
_OPTIONS = {"crf": "24", "b": "0", "cpu-used": "5", "deadline": "realtime", "auto-alt-ref": "0"}
_TICK = Fraction(1, 1000)  # of a second, as in all WebM files


class AlphaVideoWriter:
    """Write RGBA frames to a WebM file (VP9 with alpha), which browsers and editors compose.

    A context manager like `VideoWriter`: the file appears if the block ends without an error.

    Args:
        path: the .webm file; its folder must exist.
        fps: frames per second, for frames that are written without a time.

    Raises:
        InputError: the installed PyAV has no VP9 encoder.
    """

    def __init__(self, path: Path, fps: Fraction):
        self.path, self.fps = path, Fraction(fps)
        try:
            av.Codec(_ENCODER, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise InputError(
                "the installed PyAV cannot encode VP9; run: "
                "pip install --force-reinstall --no-deps av"
            ) from error
        self._stack = contextlib.ExitStack()
        self._stream: av.VideoStream | None = None
        self._last = -1
        self._count = 0

    def __enter__(self) -> "AlphaVideoWriter":
        try:
            part = self._stack.enter_context(atomic_path(self.path))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error
        self._container = self._stack.enter_context(open_output(part, format="webm"))
        return self

    def write(self, frame: np.ndarray, time: Fraction | None = None) -> None:
        """Add a frame.

        Args:
            frame: uint8 (H, W, 4), RGBA, not premultiplied; all frames have one size.
            time: when it is shown, in seconds after the first frame; None: at a steady rate.
        """
        height, width = frame.shape[:2]
        if self._stream is None:
            self._stream = self._container.add_stream(_ENCODER, rate=self.fps, options=_OPTIONS)
            self._stream.height, self._stream.width = height + height % 2, width + width % 2
            self._stream.pix_fmt = "yuva420p"
            self._stream.codec_context.time_base = _TICK
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgba")
        picture = picture.reformat(format="yuva420p")
        due = self._count / self.fps if time is None else time
        self._last = max(round(due / _TICK), self._last + 1)
        picture.pts, picture.time_base = self._last, _TICK
        self._encode(picture)
        self._count += 1

    def __exit__(self, kind, error, trace) -> bool | None:
        if kind is None:
            try:
                if self._stream is None:
                    raise InputError(f"{self.path}: a video needs at least one frame.")
                self._encode(None)
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
        return self._stack.__exit__(kind, error, trace)

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(picture))
        except av.FFmpegError as error:
            raise InputError(f"{self.path}: cannot be written. ({error.strerror})") from error
