"""List the videos of a batch with their masks and output folders."""

import dataclasses
import warnings
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.listing import (
    VIDEO_SUFFIXES,
    child,
    is_broken_link,
    is_hidden,
    list_masks,
    plain_name,
    unread_files,
)


@dataclasses.dataclass(frozen=True)
class BatchVideo:
    """One video of a batch; only its `frames` are known to exist.

    Attributes:
        name: of the folder of frames, or of the video file without its suffix.
        frames: the folder or file.
        masks: its mask or folder of masks.
        corrections: its folder of corrections, None if there is none.
        output: the folder for its masks.
    """

    name: str
    frames: Path
    masks: Path
    corrections: Path | None
    output: Path


def list_batch(
    videos: str | Path,
    masks: str | Path,
    output: str | Path,
    corrections: str | Path | None = None,
) -> list[BatchVideo]:
    """List the videos of a folder in natural order: its subfolders and video files.

    The folders are those of `segment_batch`. Masks are found by name; the case of suffixes does not
    matter. Warnings name files that are not videos, and masks without a video.
    """
    for folder in (videos, masks, *([] if corrections is None else [corrections])):
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder; a batch needs folders, see --batch.")
    if Path(output).exists() and not Path(output).is_dir():
        raise InputError(f"{output}: is a file; give a folder for the masks.")
    found: dict[str, BatchVideo] = {}
    given = _masks_by_name(Path(masks))
    for path in natsort.natsorted(filter(_is_video, Path(videos).iterdir()), key=str):
        is_file = not path.is_dir() and path.suffix.lower() in VIDEO_SUFFIXES
        name = path.stem if is_file else path.name
        key = plain_name(name)
        if key in found:
            raise InputError(
                f"{videos}: {found[key].frames.name} and {path.name} are videos of the same name; "
                "rename or move one of them."
            )
        # A missing mask is an error of its video, not of the batch.
        mask = given.pop(key, Path(masks, name))
        found[key] = BatchVideo(name, path, mask, _folder(corrections, name), Path(output, name))
    if not found:
        raise InputError(
            f"{videos}: no videos in this folder, neither folders of frames nor files "
            f"({', '.join(VIDEO_SUFFIXES)})."
        )
    others = [file for file in unread_files(Path(videos), VIDEO_SUFFIXES) if not _is_video(file)]
    if others:
        warnings.warn(
            f"{others[0]}{and_more(others[1:])}: skipped, neither a folder of frames nor a file "
            "with the suffix of a video.",
            stacklevel=2,
        )
    if given:
        first, *rest = given.values()
        warnings.warn(f"{first}{and_more(rest)}: not used, no video has this name.", stacklevel=2)
    return list(found.values())


def _masks_by_name(folder: Path) -> dict[str, Path]:
    """The masks and folders of masks by video name; an image takes precedence."""
    folders = [entry for entry in folder.iterdir() if entry.is_dir() and not is_hidden(entry)]
    files = [*folders, *list_masks(folder)]
    return {plain_name(file.name if file.is_dir() else file.stem): file for file in files}


def _folder(folder: str | Path | None, name: str) -> Path | None:
    """The subfolder with this name, if there is one."""
    path = None if folder is None else child(Path(folder), name)
    return path if path is not None and path.is_dir() else None


def _is_video(path: Path) -> bool:
    if is_hidden(path):
        return False
    return path.is_dir() or is_broken_link(path) or path.suffix.lower() in VIDEO_SUFFIXES
