"""Read the frames of a video file through PyAV (FFmpeg)."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.colour_matrix import source_matrix
from ytvos_keras.media.containers import open_video, video_stream
from ytvos_keras.media.damaged_video import decode_damaged
from ytvos_keras.media.display_matrix import display_matrix, is_quarter_turn, upright
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.pictures import MOST_PIXELS

# Containers with an index of time stamps. In others, time stamps after seeking may belong to
# another frame (observed in MPEG program streams).
_INDEXED = ("mov,mp4", "matroska")
# Containers without time stamps; their frame rate is constant.
_UNTIMED = ("avi", "h264", "hevc", "m4v", "mpegvideo")


class VideoFrames(FrameSource):
    """A video track of a file: every decoded frame, in presentation order.

    Frames are named by their number: 00000, 00001, … The display matrix of the first frame
    (rotation and mirroring, from phones) is applied to all frames. Pixels are assumed to be square.

    Args:
        path: a file in any container and codec that FFmpeg decodes.
        track: the video track, from 0; cover art does not count.

    Raises:
        InputError: not a video, no such track, or its first frame cannot be decoded.
    """

    def __init__(self, path: str | Path, track: int = 0, *, skip_damage: bool = False):
        super().__init__()
        self.skip_damage = skip_damage
        self.path = Path(path)
        self.files = [self.path]
        self.track = track
        with one_line_errors(self.path, None), open_video(self.path) as container:
            stream = self._stream(container)
            self._tick = _tick(stream)
            # Some headers claim billions of frames; every frame takes at least a byte.
            in_file = stream.frames <= self.path.stat().st_size
            self.count = (stream.frames or None) if in_file else None
            self.fps: Fraction | None = stream.average_rate or stream.guessed_rate
            # Whether time stamps survive seeking, and whether there are any.
            self._can_seek = container.format.name.startswith(_INDEXED)
            self._is_timed = not container.format.name.startswith(_UNTIMED)
            is_trimmed = _is_trimmed(stream)
            first = next(self._frames(container), None)
            if isinstance(first, av.FFmpegError):
                raise first
        if first is None:
            raise InputError(f"{self.path}: no frames in this video.")
        if is_trimmed:  # the header counts hidden frames, too
            self.count = None
            with contextlib.suppress(av.FFmpegError):
                self.count = sum(1 for _ in self._packets())
        # For the first frame only: reading the side data of a frame keeps it in memory.
        self._display_matrix = display_matrix(first)
        self._origin = time_stamp(first)
        self.size = self._picture(first).shape[:2]

    @property
    def most(self) -> int:
        # Every frame takes at least a byte. Not `count`: a header may say too few.
        return self.path.stat().st_size

    def may_have(self, index: int) -> bool:
        if self.count is None:
            return index < self.most
        # Packets are counted, which reads the whole file, only for a frame that the header denies.
        return index < self.count or index < self._packet_count

    @functools.cached_property
    def _packet_count(self) -> int:
        with contextlib.suppress(av.FFmpegError):
            return sum(1 for _ in self._packets())
        return 0

    def read_with_times(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, Fraction | None, np.ndarray]]:
        # Frames before `start` are decoded and dropped: exact for every codec, unlike seeking.
        index = 0
        before: av.VideoFrame | None = None  # the latest intact frame, wanted or not
        with (
            one_line_errors(self.path, lambda: f"frame {index:05d}"),
            open_video(self.path) as container,
        ):
            for frame in self._frames(container):
                if index >= start and (wanted is None or wanted(index)):
                    name, shown = f"{index:05d}", frame
                    if not isinstance(shown, av.VideoFrame):
                        damage = _one_line(self.path, f"frame {name}", shown)
                        shown = self._replace(name, damage, before)
                    yield name, self._time(shown, index), self._picture(shown)
                if isinstance(frame, av.VideoFrame):
                    before = frame
                index += 1
        # A truncated file often ends like an intact one, without an error from FFmpeg.
        if self.count and index < self.count:
            warnings.warn(
                f"{self.path}: its header says {self.count} frames, but it has only {index}; "
                "is the file cut off?",
                stacklevel=2,
            )

    def read_timed(
        self, start: Fraction = Fraction(0), size: tuple[int, int] | None = None
    ) -> Generator[tuple[Fraction, np.ndarray]]:
        """Yield (time, frame) of the frames shown at `start` and later.

        Unlike `read`, it seeks: only a few frames before `start` are decoded. Files without exact
        seeking are read from the beginning.

        Args:
            start: in seconds after the first frame.
            size: (height, width) to which every frame is scaled, by area averaging; None for the
                stored size.

        Yields:
            time: seconds after the first frame, exact; never decreasing.
            frame: uint8 (H, W, 3), RGB, 0–255.

        Raises:
            InputError: a frame cannot be decoded, or has no usable time stamp.
        """
        index, before = 0, Fraction(0)
        seek = start > 0 and self._lands_before(start)
        with (
            one_line_errors(self.path, lambda: f"frame {index:05d}"),
            open_video(self.path) as container,
        ):
            for frame in self._decode(container, start if seek else None):
                time = self._time(frame, index)
                # Clips are cut by time: a wrong time stamp would silently shift them.
                if time is None or (index and time < before):
                    raise InputError(
                        f"{self.path}: time stamps are missing or run backwards; re-encode it, "
                        "for example: ffmpeg -fflags +genpts -i IN OUT.mp4"
                    )
                if time >= start:
                    yield time, self._picture(frame, size)
                index, before = index + 1, time

    def _decode(
        self, container: av.container.InputContainer, target: Fraction | None
    ) -> Iterator[av.VideoFrame]:
        stream = self._stream(container)
        if target is not None:  # to the key frame at or before it
            assert self._origin is not None  # or `_lands_before` has refused
            container.seek(int((target + self._origin) / self._tick), stream=stream)
        return container.decode(stream)

    def _frames(
        self, container: av.container.InputContainer
    ) -> Iterator[av.VideoFrame | av.FFmpegError]:
        """Yield all frames; with `skip_damage`, an error in place of each damaged one."""
        stream = self._stream(container)
        if not self.skip_damage:
            # Not thread_type "AUTO": with frame threads, FFmpeg hides decoding errors.
            yield from container.decode(stream)
            return
        yield from decode_damaged(container, stream, self._unique_stamps())

    def _unique_stamps(self) -> list[int]:
        """Time stamps of all frames in order of presentation; empty if they are not reliable."""
        stamps: list[int | None] = []
        with contextlib.suppress(av.FFmpegError):
            stamps = [packet.pts for packet in self._packets()]
        known = sorted({stamp for stamp in stamps if stamp is not None})
        return known if len(known) == len(stamps) else []

    def _stream(self, container: av.container.InputContainer) -> av.VideoStream:
        return video_stream(container, self.path, self.track)

    def _packets(self) -> Iterator[av.Packet]:
        """Yield the packets of the frames that are shown, one each, without decoding them."""
        with open_video(self.path) as container:
            for packet in container.demux(self._stream(container)):
                # The last packet is empty, to flush decoders; edit lists discard others.
                if packet.size and not packet.is_discard and not _is_hidden(packet):
                    yield packet

    def _lands_before(self, target: Fraction) -> bool:
        """Whether seeking lands at or before a time, which fails with an incomplete index."""
        if self._origin is None or not self._can_seek:
            return False
        with contextlib.suppress(av.FFmpegError), open_video(self.path) as container:
            # Try it: the container does not say whether its index is complete.
            first = next(self._decode(container, target), None)
            time = None if first is None else self._time(first, 0)
            return time is not None and time <= target
        return False

    def _time(self, frame: av.VideoFrame, index: int) -> Fraction | None:
        """Seconds since the first frame; `index` counts from it where there are no time stamps."""
        if self.fps and not self._is_timed:
            return index / self.fps
        stamp = time_stamp(frame)
        return None if stamp is None or self._origin is None else stamp - self._origin

    def _picture(self, frame: av.VideoFrame, size: tuple[int, int] | None = None) -> np.ndarray:
        scaled: dict[str, Any] = {"src_colorspace": source_matrix(frame)}
        if size is not None:
            # Frames are scaled before they are rotated, so the sides are swapped here.
            height, width = size[::-1] if is_quarter_turn(self._display_matrix) else size
            scaled |= {"height": height, "width": width, "interpolation": "AREA"}
        return upright(frame.to_ndarray(format="rgb24", **scaled), self._display_matrix)

    def index_at(self, time: Fraction) -> int | None:
        times = self._times_shown()
        return next((index for index, shown in enumerate(times) if shown >= time), None)

    def _times_shown(self) -> list[Fraction]:
        """Presentation times, from the container without decoding; empty if unknown."""
        if self._origin is None or not self._is_timed:
            # Counted, as the header may say fewer.
            return [index / self.fps for index in range(self._packet_count)] if self.fps else []
        with contextlib.suppress(av.FFmpegError):
            stamps = [packet.pts for packet in self._packets()]
            known = sorted(stamp for stamp in stamps if stamp is not None)
            if len(known) == len(stamps):
                return [stamp * self._tick - self._origin for stamp in known]
        return []

    def index_of(self, stem: str) -> int | None:
        # No file name is longer, and Python converts at most 4300 digits.
        return int(stem) if stem.isdecimal() and len(stem) < 256 else None


@contextlib.contextmanager
def one_line_errors(path: Path, frame: Callable[[], str] | None) -> Iterator[None]:
    """Turn FFmpeg errors into `InputError`s; `frame` names the current frame, None: the first."""
    try:
        yield
    except av.FFmpegError as error:
        raise _one_line(path, frame and frame(), error) from error


def _one_line(path: Path, frame: str | None, error: av.FFmpegError) -> InputError:
    reason = error.strerror or str(error)
    if isinstance(error, av.error.ArgumentError):  # see `containers.open_video`
        reason += f"; a frame may have at most {MOST_PIXELS} pixels"
    problem = f"{frame} cannot be decoded; is the file cut off or damaged?"
    if frame is None:
        problem = "cannot be read as a video; give a video file or a folder of frames."
    return InputError(f"{path}: {problem} ({reason})")


def _is_hidden(packet: av.Packet) -> bool:
    """Whether a VP8 frame is only a reference for others (its `show_frame`; RFC 6386, 9.1)."""
    return packet.stream.codec_context.name == "vp8" and not bytes(packet)[0] & 0x10


def _is_trimmed(stream: av.VideoStream) -> bool:
    """Whether an edit list hides frames: then the track is shorter than its frames."""
    if not (stream.frames and stream.duration and stream.average_rate):
        return False
    # Half a frame of tolerance, as durations are rounded to ticks.
    return stream.duration * _tick(stream) * stream.average_rate < stream.frames - 0.5


def time_stamp(frame: av.VideoFrame) -> Fraction | None:
    """The time stamp of a frame in seconds; None if it has none."""
    if frame.pts is None:
        return None
    assert frame.time_base is not None  # decoding sets it to that of the packet
    return frame.pts * frame.time_base


def _tick(stream: av.VideoStream) -> Fraction:
    """Seconds; the unit of the time stamps of a stream."""
    assert stream.time_base is not None  # it is None only in a stream to be written
    return stream.time_base
