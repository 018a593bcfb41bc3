"""Frames of a camera or a stream, as they arrive."""

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.colour_matrix import source_matrix
from ytvos_keras.media.containers import open_live, video_stream
from ytvos_keras.media.display_matrix import display_matrix, upright
from ytvos_keras.media.video_frames import time_stamp

_POLL = 0.1  # seconds between checks whether `stop` was called

LiveFrame = tuple[int, Fraction, np.ndarray]


class LiveFrames:
    """Iterate once over the frames of a camera or a stream, until it ends or `stop` is called.

    A thread reads at most two frames ahead; after that, the camera or the sender has to wait or
    drops frames. Packets that cannot be decoded are skipped: a stream may be joined between key
    frames.

    Args:
        source: the number of a camera (Linux: N is /dev/videoN), the path of a device or a named
            pipe, a URL that FFmpeg opens (`rtsp://…`, `http://…`), or `-` for standard input.

    Attributes:
        damaged: number of skipped packets.

    Raises:
        InputError: there is no such camera, or the source is a regular file.
    """

    def __init__(self, source: str):
        self.source = source
        self.damaged = 0
        self._url, self._format = _url_and_format(source)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the iteration; safe in a signal handler and in other threads."""
        self._stopped.set()

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield (index, time, frame): seconds after the first frame, and uint8 (H, W, 3), RGB."""
        # One frame in the queue and one in the thread, so that we are never far behind the camera.
        frames: queue.Queue[LiveFrame | Exception | None] = queue.Queue(maxsize=1)
        # A daemon, because FFmpeg may be waiting for a dead sender when the process should exit.
        threading.Thread(target=self._fill, args=(frames,), daemon=True).start()
        try:
            while (item := self._next(frames)) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.stop()
            with contextlib.suppress(queue.Empty):
                frames.get_nowait()  # the thread may be waiting for a free slot

    def _next(self, frames: queue.Queue) -> LiveFrame | Exception | None:
        # Poll: an event cannot interrupt waiting on a queue.
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Empty):
                return frames.get(timeout=_POLL)
        return None

    def _fill(self, frames: queue.Queue) -> None:
        """Run in the thread: put frames into the queue, then None or the error that ended them."""
        end: Exception | None = None
        index = 0
        try:
            for index, item in enumerate(self._read(), start=1):
                frames.put((index - 1, *item))
                if self._stopped.is_set():
                    return
        except av.FFmpegError as error:
            what = f"breaks off after {index} frames" if index else "cannot be opened as a stream"
            end = InputError(f"{self.source}: {what}. ({error.strerror or error})")
        except Exception as error:  # raised again by the iterator
            end = error
        frames.put(end)

    def _read(self) -> Iterator[tuple[Fraction, np.ndarray]]:
        with open_live(self._url, self._format) as container:
            stream = video_stream(container, self.source)
            matrix, first = None, None
            start = time.monotonic()
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                except av.error.InvalidDataError:  # not a lost connection, which ends the stream
                    self.damaged += 1
                    continue
                for frame in decoded:
                    stamp = time_stamp(frame)
                    if stamp is None:  # some cameras and raw streams have none
                        stamp = Fraction(time.monotonic() - start)
                    if first is None:
                        matrix, first = display_matrix(frame), stamp
                    picture = frame.to_ndarray(format="rgb24", src_colorspace=source_matrix(frame))
                    yield stamp - first, upright(picture, matrix)


def _url_and_format(source: str) -> tuple[str, str | None]:
    """The URL and the input format for FFmpeg (None: it detects the format)."""
    if source == "-":
        return "pipe:0", None
    path = Path(f"/dev/video{source}" if source.isdecimal() else source)
    if path.is_file():
        raise InputError(f"{source}: is a file; give it as INPUT, without --live.")
    if path.exists():
        # Without a format, FFmpeg treats a device as a plain file; `file:` as in `containers`.
        return (str(path), "v4l2") if path.is_char_device() else (f"file:{path}", None)
    if source.isdecimal():
        where = "" if sys.platform == "linux" else " (cameras are supported on Linux only)"
        raise InputError(f"{path}: no such camera{where}; give another number, or a URL.")
    if ":" not in source:
        raise InputError(f"{source}: no such device; give the number of a camera, or a URL.")
    return source, None
