"""The folder layout of YouTube-VOS."""

from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.sequence_folders import check_is_folder
from ytvos_keras.errors import InputError


@dataclass(frozen=True)
class YouTubeVosLayout:
    """The folders of one split.

    Args:
        meta: the `meta.json`.
        annotations: contains a folder of PNGs for each video.
        frames: contains a folder of images for each video; None if there is none.
    """

    meta: Path
    annotations: Path
    frames: Path | None


def open_youtube_vos(root: str | Path, split: str | None = None) -> YouTubeVosLayout:
    """Find the folders of a split, `split` in `root` or `root` itself.

    They are `Annotations/<video>/`, beside `meta.json`, and `JPEGImages/<video>/` if it exists.
    """
    root = Path(root)
    check_is_folder(root)
    folder = root / split if split else root
    meta, annotations, frames = (folder / n for n in ("meta.json", "Annotations", "JPEGImages"))
    if not meta.is_file():
        hint = _place_nearby(root) or "give the folder that contains meta.json and Annotations"
        raise InputError(f"{meta}: no such file; {hint}.")
    if not annotations.is_dir():
        raise InputError(f"{annotations}: no such folder; the masks belong in it.")
    return YouTubeVosLayout(meta, annotations, frames if frames.is_dir() else None)


def has_meta(root: Path, split: str | None = None) -> bool:
    """Whether there is a `meta.json`, in the split or in a folder nearby."""
    if (root / split / "meta.json" if split else root / "meta.json").is_file():
        return True
    # Nearby counts too: a wrong folder of YouTube-VOS must not pass for data without a meta.json.
    return _place_nearby(root) is not None


def _place_nearby(root: Path) -> str | None:
    """Describe where the nearest `meta.json` is; None if there is none."""
    if (root / "meta.json").is_file():
        return f"{root} is a split itself: name none"
    splits = sorted(file.parent.name for file in root.glob("*/meta.json"))
    if splits:
        return f"{root} contains the splits {', '.join(splits)}: name one"
    above = [place for place in root.absolute().parents[:2] if (place / "meta.json").is_file()]
    return f"give {above[0]} instead" if above else None
