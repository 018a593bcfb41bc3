"""Random access to the frames of a folder or a video."""

import bisect
import collections
import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.containers import open_video
from ytvos_keras.media.folder_frames import FolderFrames
from ytvos_keras.media.pictures import read_rgb
from ytvos_keras.media.video_frames import VideoFrames, one_line_errors

CACHE_BYTES = 128 * 2**20
_FEWEST = 2  # frames kept regardless of their size

# A function, because converting a decoded frame to RGB takes as long as decoding it.
_Picture = Callable[[], np.ndarray]


class RandomFrames:
    """Frames by index, with bounded memory; safe to use from several threads.

    A video is decoded from the key frame before the wanted one, and frames decoded on the way are
    cached, so that stepping backward within a group of pictures decodes it once. Files without
    reliable time stamps are decoded from the beginning, which is exact but slow.

    Args:
        path: a folder of images or a video file; see `media.open_frames`.
        cache_bytes: largest total size of the frames kept in memory.
        track: the video track, from 0.

    Attributes:
        path: the folder or file.
        count: number of frames.
        size: (height, width) in pixels.
        fps: frames per second; None for a folder.
        is_indexed: whether frames are found without decoding the file from its beginning.

    Raises:
        InputError: the path does not exist, has no frames, or cannot be read.

    Example:
        >>> RandomFrames("clip.mp4").frame(40).shape
        (360, 640, 3)
    """

    def __init__(self, path: str | Path, cache_bytes: int = CACHE_BYTES, track: int = 0):
        path = Path(path)
        if not path.exists():
            raise InputError(f"{path}: no such file or folder.")
        reader = _Folder(path) if path.is_dir() else _Video(path, track)
        self.path, self.size, self.fps = path, reader.size, reader.fps
        self.count: int = reader.count or 0
        self.is_indexed = reader.is_indexed
        self._reader = reader
        frame_bytes = 3 * self.size[0] * self.size[1]
        self._kept = max(_FEWEST, cache_bytes // frame_bytes)
        self._cache: collections.OrderedDict[int, np.ndarray] = collections.OrderedDict()
        self._walk: Iterator[tuple[int, _Picture]] | None = None
        self._next = 0  # index of the frame that `_walk` yields next
        self._lock = threading.Lock()

    def name(self, index: int) -> str:
        """The name of a frame and of its mask file: an image's stem, or the frame number."""
        return self._reader.name(index)

    def time(self, index: int) -> Fraction | None:
        """When a frame is shown, in seconds after the first one.

        None if frames have no reliable time stamps; they are then shown at a constant rate.
        """
        return self._reader.time(index)

    def frame(self, index: int) -> np.ndarray:
        """Return a frame, uint8 (H, W, 3), RGB.

        Raises `IndexError` if there is no such frame, `InputError` if it cannot be decoded or has
        another size than the first one.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"frame {index} of {self.count}")
        with self._lock:
            if index in self._cache:
                self._cache.move_to_end(index)
                return self._cache[index]
            return self._decode(index)

    def near(self, index: int, distance: int) -> np.ndarray:
        """Return the key frame before `index` if it is at most `distance` frames away.

        Otherwise return the frame itself, for which all frames from the key frame on are decoded.
        """
        cheap = self._reader.cheap(index)
        return self.frame(cheap if index - cheap <= distance else index)

    def _decode(self, index: int) -> np.ndarray:
        key = self._reader.cheap(index)
        # Keep decoding rather than seek, unless there is a key frame between here and `index`.
        if self._walk is None or not self._next <= index or key > self._next:
            self._walk = self._reader.walk(index)
        self._reader.skip_to(max(key, index - self._kept + 1))
        try:
            for found, picture in self._walk:
                if found > index:  # the decoder has dropped the frame
                    break
                self._next = found + 1
                if found > index - self._kept:  # earlier ones would be dropped at once
                    self._keep(found, picture())
                if found == index:
                    return self._cache[index]
        except BaseException:  # even Ctrl-C: the decoder must not be used any further
            self._walk = None
            raise
        self._walk = None
        raise InputError(f"{self.path}: frame {index} cannot be decoded; is the file cut off?")

    def _keep(self, index: int, frame: np.ndarray) -> None:
        if frame.shape[:2] != self.size:
            raise InputError(
                f"{self.path}, {self.name(index)}: is {frame.shape[1]}×{frame.shape[0]} pixels, "
                f"but the first frame is {self.size[1]}×{self.size[0]}; all must have that size."
            )
        self._cache[index] = frame
        while len(self._cache) > self._kept:
            # The least recently used one: hits are moved to the end.
            self._cache.popitem(last=False)


class _Folder(FolderFrames):
    is_indexed = True

    def name(self, index: int) -> str:
        return self.names[index]

    def time(self, index: int) -> Fraction | None:
        return None

    def walk(self, index: int) -> Iterator[tuple[int, _Picture]]:
        """Yield indexes and functions that return the image, starting at or before `index`."""
        for place in range(index, len(self.files)):
            yield place, functools.partial(read_rgb, self.files[place])

    def skip_to(self, index: int) -> None:
        """Let the walk skip frames before `index`, if that is faster."""

    def cheap(self, index: int) -> int:
        """The nearest frame at or before `index` that can be decoded independently."""
        return index


class _Video(VideoFrames):
    """A video with the time stamps of all its frames, read from the container without decoding."""

    def __init__(self, path: Path, track: int = 0):
        super().__init__(path, track)
        self._needed = -math.inf  # before this time stamp, non-reference frames are skipped
        self._times, self._keys = self._index()
        self.is_indexed = bool(self._times)
        if not self._times:
            self.count = self.count or sum(1 for _ in self._pictures())

    def name(self, index: int) -> str:
        return f"{index:05d}"

    def time(self, index: int) -> Fraction | None:
        if not self._times:
            return None
        return (self._times[index] - self._times[0]) * self._tick

    def cheap(self, index: int) -> int:
        return self._keys[bisect.bisect_right(self._keys, index) - 1] if self._keys else 0

    def skip_to(self, index: int) -> None:
        self._needed = self._times[index] if self._times else -math.inf

    def walk(self, index: int) -> Iterator[tuple[int, _Picture]]:
        if not self._times:
            for place, (_, picture) in enumerate(self.read()):
                yield place, functools.partial(np.asarray, picture)
            return
        for frame in self._pictures(self._times[self.cheap(index)]):
            # Numbered by its time stamp: a frame that the decoder drops cannot shift the others.
            assert frame.pts is not None  # as in all packets, see `_index`
            place = bisect.bisect_left(self._times, frame.pts)
            if place < len(self._times) and self._times[place] == frame.pts:
                yield place, functools.partial(self._picture, frame)

    def _pictures(self, start: int | None = None) -> Iterator[av.VideoFrame]:
        with one_line_errors(self.path, lambda: "a frame"), open_video(self.path) as container:
            stream = self._stream(container)
            if start is not None:
                container.seek(start, stream=stream)
            # Other decoders take the setting only when they open (AV1), or skip frames that higher
            # temporal layers refer to (HEVC).
            can_skip = stream.codec_context.name == "h264"
            for packet in container.demux(stream):
                # Set per packet: `skip_to` moves the limit during the walk.
                early = packet.pts is not None and packet.pts < self._needed
                stream.codec_context.skip_frame = "NONREF" if can_skip and early else "DEFAULT"
                yield from packet.decode()

    def _index(self) -> tuple[list[int], list[int]]:
        """Time stamps of all frames, and the indexes of key frames; empty if not reliable."""
        times: list[int] = []
        keys: set[int] = set()
        with contextlib.suppress(av.FFmpegError):
            for packet in self._packets():
                if packet.pts is None:
                    return [], []
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.add(packet.pts)
        # A frame is looked up by its time stamp, which therefore must be unique.
        if len(set(times)) < len(times) or not self._can_seek:
            return [], []
        times.sort()  # packets come in decoding order
        places = [index for index, time in enumerate(times) if time in keys]
        # Frames before the first key frame could not be decoded.
        if not places or places[0] != 0 or not self._lands_exactly(times, places):
            return [], []
        self.count = len(times)
        return times, places

    def _lands_exactly(self, times: list[int], keys: list[int]) -> bool:
        """Whether seeking to the middle and the last key frame lands exactly on them."""
        landed = []
        for key in {keys[len(keys) // 2], keys[-1]}:
            with contextlib.suppress(InputError):  # a damaged frame proves nothing
                first = next(self._pictures(times[key]), None)
                landed.append(first is not None and first.pts == times[key])
        return bool(landed) and all(landed)
