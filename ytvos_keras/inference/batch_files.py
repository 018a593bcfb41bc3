"""The videos of a folder, with what belongs to each."""

import dataclasses
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError
from ytvos_keras.media.frames import VIDEO_SUFFIXES


@dataclasses.dataclass(frozen=True)
class BatchVideo:
    """One video of a batch; none of the paths but the first is certain to exist.

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

    Args:
        videos: the folder, for example `JPEGImages`.
        masks: the folder with `<name>.png` or `<name>/` for each video, for example `Annotations`.
        output: the folder in which each video gets a folder `<name>`.
        corrections: a folder with `<name>/` for those videos that have any.

    Raises:
        InputError: a folder is not there, there is no video in it, or two have one name.
    """
    for folder in (videos, masks, *([] if corrections is None else [corrections])):
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder; a batch needs folders, see --batch.")
    if Path(output).exists() and not Path(output).is_dir():
        raise InputError(f"{output}: is a file; give a folder for the masks.")
    found: dict[str, BatchVideo] = {}
    for path in natsort.natsorted(filter(_is_video, Path(videos).iterdir()), key=str):
        name = path.name if path.is_dir() else path.stem
        if name in found:
            raise InputError(
                f"{videos}: {found[name].frames.name} and {path.name} are videos of one name; "
                "rename or move one of them."
            )
        found[name] = _batch_video(name, path, Path(masks), Path(output), corrections)
    if not found:
        raise InputError(
            f"{videos}: no videos in this folder, neither folders of frames nor files "
            f"({', '.join(VIDEO_SUFFIXES)})."
        )
    return list(found.values())


def _batch_video(
    name: str, frames: Path, masks: Path, output: Path, corrections: str | Path | None
) -> BatchVideo:
    mask = masks / f"{name}.png"
    own_corrections = None if corrections is None else Path(corrections, name)
    return BatchVideo(
        name,
        frames,
        mask if mask.is_file() else masks / name,
        own_corrections if own_corrections and own_corrections.is_dir() else None,
        output / name,
    )


def _is_video(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES
