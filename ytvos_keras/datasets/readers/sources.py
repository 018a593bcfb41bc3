"""The folders of a data set, in any layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.sequence_folders import check_is_folder
from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import is_hidden

FRAMES, MASKS, ALL_FRAMES = "JPEGImages", "Annotations", "_all_frames"
SET_ASIDE = ("faulty", "unfixed")  # folders in which `repair` puts files; not data


@dataclass(frozen=True)
class Source:
    """The folders of one data set, or of one of several below a common root.

    Args:
        prefix: of the names of its videos: empty, or such as `train/`.
        frames: contains one folder of images for each video.
        masks: contains one folder of PNGs for each video.
        meta: its `meta.json`; None if there is none.
        names: of its videos, in order; None for all.
        binary: see `Video`.
    """

    prefix: str
    frames: Path
    masks: Path
    meta: Path | None = None
    names: Sequence[str] | None = None
    binary: bool = False


def find_roots(root: Path, wanted: Sequence[str]) -> list[tuple[str, Path]]:
    """Find the data sets in a folder, which is one itself or contains several.

    A data set is recognized by a subfolder with one of the wanted names. Returns pairs of a prefix
    for the names of its videos and its folder: `("", root)`, or `("train/", root / "train")`, ….
    """
    check_is_folder(root)
    if _is_root(root, wanted):
        return [("", root)]
    below = [folder for folder in _folders(root) if _is_root(folder, wanted)]
    if not below:
        raise InputError(f"{root}: no folder {wanted[0]} in it; {_where_else(root, wanted)}.")
    return [(f"{folder.name}/", folder) for folder in below]


def _is_root(folder: Path, wanted: Sequence[str]) -> bool:
    return any((folder / name).is_dir() for name in wanted)


def _where_else(root: Path, wanted: Sequence[str]) -> str:
    for above in root.absolute().parents[:3]:
        if _is_root(above, wanted):
            return f"give {above} instead"
    for folder in _folders(root):
        if any(_is_root(inner, wanted) for inner in _folders(folder)):
            return f"give {folder} instead"
    return f"give the folder that contains {wanted[0]}"


def _folders(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_dir() and not is_hidden(entry) and entry.name not in SET_ASIDE
    )
