"""Frames one at a time, from a folder of images or a video file."""

from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.media.folder_frames import FolderFrames
from ytvos_keras.media.frame_source import FrameSource


def open_frames(path: str | Path, *, track: int = 0, skip_damage: bool = False) -> FrameSource:
    """Open a folder of images or a video file.

    A folder: every image in it (JPEG, PNG, WebP, BMP, TIFF), in natural order of the names, read
    by `pictures.read_rgb`; hidden files and subfolders are ignored, and a warning names other files
    that may be frames. A file: see `video_frames.VideoFrames`. It is up to the caller to check that
    all frames have the same size.

    Args:
        path: a folder or a video file.
        track: the video track of a file, from 0.
        skip_damage: replace a frame that cannot be decoded by the nearest intact one before it; see
            `FrameSource`.

    Returns:
        The frames, with their number, size and, for a video, frames per second.

    Raises:
        InputError: the path does not exist, has no frames, cannot be read, or is a folder with a
            broken link or with two images of the same name.

    Example:
        >>> for name, frame in open_frames("clip.mp4"):
        ...     print(name, frame.shape)
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.")
    if path.is_dir():
        return FolderFrames(path, skip_damage=skip_damage)
    from ytvos_keras.media.video_frames import VideoFrames  # imports PyAV, which takes 0.1 s

    return VideoFrames(path, track, skip_damage=skip_damage)
