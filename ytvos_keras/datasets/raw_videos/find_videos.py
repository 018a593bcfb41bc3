"""Find raw videos, and name their clips."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.visible_files import visible_files
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.listing import (
    VIDEO_SUFFIXES,
    is_broken_link,
    may_be_media,
    plain_name,
    shortened,
)


@dataclass(frozen=True)
class RawVideoFile:
    """A raw video.

    Args:
        path: the file.
        label: its path relative to the folder of raw videos.
        name: prefix of the names of its clips: `dog/run 2.mp4` gives `dog-run_2`.
    """

    path: Path
    label: str
    name: str


def find_videos(source: str | Path) -> list[RawVideoFile]:
    """Find videos by their suffixes, in natural order; hidden files and folders are left out.

    The source is a folder, searched with its subfolders, or one file with any suffix. Two videos
    whose clips would have the same names are an error.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder.")
    if source.is_file():
        return [_named(source, source.parent)]
    paths = visible_files(source)
    videos = [_named(path, source) for path in paths if _is_video(path)]
    others = [path for path in paths if may_be_media(path) and not _is_video(path)]
    if others:
        warnings.warn(
            f"{others[0]}{and_more(others[1:])}: left out, the suffix is not that of a video.",
            stacklevel=2,
        )
    if not videos:
        raise InputError(f"{source}: no videos in this folder ({', '.join(VIDEO_SUFFIXES)}).")
    seen: dict[str, RawVideoFile] = {}
    for video in videos:
        if video.name in seen:
            raise InputError(
                f"{source}: the clips of {seen[video.name].label} and {video.label} would both be "
                f"called {video.name}_…; rename one of them."
            )
        seen[video.name] = video
    return videos


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and (path.is_file() or is_broken_link(path))


def _named(path: Path, root: Path) -> RawVideoFile:
    below = path.relative_to(root)
    # Names of clips become names of folders and lines of lists: no spaces, dots or slashes.
    # NFC first, since a separate accent is not a letter.
    name = re.sub(r"[^\w-]+", "_", plain_name("-".join(below.with_suffix("").parts)))
    return RawVideoFile(path, below.as_posix(), shortened(name))
