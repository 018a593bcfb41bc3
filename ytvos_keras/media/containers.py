"""Open video files through PyAV (FFmpeg); the only place that calls `av.open`."""

from pathlib import Path
from typing import Any

import av

from ytvos_keras.errors import InputError
from ytvos_keras.media.pictures import MOST_PIXELS

_LIVE_TIMEOUT = 30.0  # seconds
_LIMITS = {"max_pixels": str(MOST_PIXELS)}  # per frame; for FFmpeg's decoders


def open_video(path: Path) -> av.container.InputContainer:
    """Open a video file for reading; characters in metadata that are not UTF-8 are replaced.

    Frames of more than `MOST_PIXELS` make the decoder fail. Errors are FFmpeg's.
    """
    return av.open(_url(path), metadata_errors="replace", options=_LIMITS)


def open_live(url: str, kind: str | None) -> av.container.InputContainer:
    """Open a camera or a stream, with a timeout of 30 seconds for opening and for each read.

    `kind` is an input format of FFmpeg, such as `v4l2`; None: FFmpeg detects it. Errors are
    FFmpeg's.
    """
    # Not with `_LIMITS`, which make FFmpeg wait for more data before it opens a stream.
    return av.open(url, format=kind, metadata_errors="replace", timeout=_LIVE_TIMEOUT)


def open_output(path: Path, **options: Any) -> av.container.OutputContainer:
    """Open a video file for writing, with options of `av.open`. Errors are FFmpeg's."""
    return av.open(_url(path), "w", **options)


def video_stream(
    container: av.container.InputContainer, path: Path | str, track: int = 0
) -> av.VideoStream:
    """Choose a video track, counted from 0; cover art and thumbnails are not counted.

    `path`, or a URL, is for errors only.
    """
    # Cover art is a video stream of one frame, and may come before the actual video.
    pictures = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    tracks = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not tracks:
        cover = ", only a cover image" if container.streams.video else ""
        raise InputError(f"{path}: no video in this file{cover}.")
    if not 0 <= track < len(tracks):
        raise InputError(f"{path}: no video track {track}; it has {len(tracks)}, counted from 0.")
    if (context := tracks[track].codec_context) is not None:  # None for an unknown codec
        context.options = _LIMITS  # `av.open` sets them for probing only
    return tracks[track]


def _url(path: Path) -> str:
    """Make FFmpeg treat a name as a path: in `12:30.mp4`, `12` is not a protocol."""
    return f"file:{path}"
