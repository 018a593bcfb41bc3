"""Read YouTube-VOS, and users' own videos in the same layout."""

from collections.abc import Collection
from pathlib import Path

from ytvos_keras.datasets.readers.listing import Listing, list_sources
from ytvos_keras.datasets.readers.sources import ALL_FRAMES, FRAMES, MASKS, Source, find_roots
from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError


def read_youtube_vos(
    root: str | Path,
    *,
    all_frames: bool = False,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> list[Video]:
    """List the videos of YouTube-VOS (2018, 2019), or of your own data in its layout.

    The layout, in which only the frames and the masks are required:

        train/JPEGImages/<video>/<frame>.jpg    or .png; in natural order of the names
        train/Annotations/<video>/<frame>.png   of some of the frames; 0 = background, 1–254 = ids
        train/meta.json                         objects, their categories and their frames
        train_all_frames/JPEGImages/<video>/    every frame at 30 fps, where `train` has every fifth

    Args:
        root: the folder of one split (`train`), of its frames at 30 fps (`train_all_frames`, whose
            masks are in `train` beside it), or a folder that contains several such folders: their
            videos are then named `train/003234408d`. In that case, folders `…_all_frames` without
            masks are skipped.
        all_frames: use the frames from `<root>_all_frames/JPEGImages` or
            `<root>/JPEGImages_all_frames`.
        videos: names of the videos wanted; None for all. See `select_names`.
        exclude: names of videos to leave out.

    Returns:
        The annotated videos in natural order. No image has been opened.

    Raises:
        InputError: the folder has another layout, `meta.json` is malformed, or files do not belong
            together (a mask without its frame …); the message names the first of them.

    Example:
        >>> videos = read_youtube_vos("youtube-vos/train", exclude=["003234408d"])
        >>> videos[0].categories
        {1: 'sedan'}
    """
    return list_youtube_vos(root, all_frames=all_frames, videos=videos, exclude=exclude).annotated()


def list_youtube_vos(
    root: str | Path,
    *,
    all_frames: bool = False,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> Listing:
    """Like `read_youtube_vos`, but lists faults of the folders instead of raising an error."""
    root = Path(root)
    roots = find_roots(root, (FRAMES, FRAMES + ALL_FRAMES))
    if len(roots) > 1:
        roots = [(prefix, folder) for prefix, folder in roots if not _is_extra(folder)]
    sources = [_open(prefix, folder, all_frames) for prefix, folder in roots]
    options = ("--all-frames",) if all_frames else ()
    return list_sources(sources, root, videos=videos, exclude=exclude, check_options=options)


def _open(prefix: str, folder: Path, all_frames: bool) -> Source:
    masks = folder / MASKS
    if _is_extra(folder):
        # Absolute first: `.` has no name to change.
        masks = folder.absolute().with_name(folder.absolute().name.removesuffix(ALL_FRAMES)) / MASKS
    if not masks.is_dir():
        raise InputError(f"{masks}: no such folder; the masks belong in it.")
    meta = masks.parent / "meta.json"
    return Source(prefix, _frames(folder, all_frames), masks, meta if meta.is_file() else None)


def _frames(folder: Path, all_frames: bool) -> Path:
    inside = folder / (FRAMES + ALL_FRAMES)
    beside = folder.absolute().with_name(folder.absolute().name + ALL_FRAMES) / FRAMES
    if not all_frames:
        # The user's own data may have only all frames.
        return folder / FRAMES if (folder / FRAMES).is_dir() else inside
    if folder.absolute().name.endswith(ALL_FRAMES):
        return folder / FRAMES
    for place in (inside, beside):
        if place.is_dir():
            return place
    raise InputError(f"{beside}: no such folder, nor {inside}; all frames belong in one of them.")


def _is_extra(folder: Path) -> bool:
    """Whether a folder contains frames whose masks are in another folder beside it."""
    return folder.absolute().name.endswith(ALL_FRAMES) and not (folder / MASKS).is_dir()
