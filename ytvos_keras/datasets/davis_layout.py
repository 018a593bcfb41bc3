"""The folder layout of DAVIS."""

from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.sequence_folders import check_is_folder, list_sequences
from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import plain_name
from ytvos_keras.media.text_file import read_text

_RESOLUTIONS = ("480p", "Full-Resolution")  # in order of preference: the benchmark uses 480p


@dataclass(frozen=True)
class DavisLayout:
    """The folders of a data set.

    Args:
        annotations: folder with one folder of PNGs for each sequence.
        frames: folder with one folder of images for each sequence; None if there is none.
    """

    annotations: Path
    frames: Path | None

    def sequences(self) -> list[str]:
        """All sequences that have masks, in natural order."""
        return list_sequences(self.annotations)


def open_davis(root: str | Path) -> DavisLayout:
    """Find the folders of a data set: masks in `Annotations/480p/<sequence>/`, and frames.

    Frames, if there are any, are in `JPEGImages/480p/<sequence>/`. Instead of `480p` there may be
    `Full-Resolution`, or no such level. A folder without `Annotations` is assumed to contain the
    mask folders of the sequences directly.
    """
    root = Path(root)
    check_is_folder(root)
    annotations, frames = root / "Annotations", root / "JPEGImages"
    if not annotations.is_dir():
        return DavisLayout(root, None)
    for resolution in _RESOLUTIONS:
        if (annotations / resolution).is_dir():
            annotations, frames = annotations / resolution, frames / resolution
            break
    return DavisLayout(annotations, frames if frames.is_dir() else None)


def read_image_set(root: str | Path, year: int, split: str) -> list[str]:
    """Read the names of a split's sequences, in the order of the file.

    Args:
        root: the data set, with `ImageSets/` in it.
        year: 2016 or 2017. 2017: `ImageSets/2017/<split>.txt`, one name per line. 2016: the same in
            `ImageSets/2016/` (part of DAVIS 2017), or `ImageSets/480p/<split>.txt` (part of DAVIS
            2016), where every line has the paths of a frame and of its mask.
        split: such as `train` or `val`.

    Example:
        >>> read_image_set("DAVIS", 2017, "val")[0]
        'bike-packing'
    """
    folders = _folders(Path(root), year)
    for folder in folders:
        if (file := folder / f"{split}.txt").is_file():
            return _names(file)
    splits = sorted({file.stem for folder in folders for file in folder.glob("*.txt")})
    remedy = f"available: {', '.join(splits)}" if splits else "name the sequences instead"
    other = 2016 if year == 2017 else 2017
    if any((folder / f"{split}.txt").is_file() for folder in _folders(Path(root), other)):
        remedy = f"there is one of {other}; of {year}, {remedy}"
    raise InputError(f"{folders[0] / split}.txt: no such file, so no split {split!r}; {remedy}.")


def _folders(root: Path, year: int) -> list[Path]:
    """The folders that may contain the lists of a year."""
    image_sets = root / "ImageSets"
    return [image_sets / str(year)] + ([image_sets / "480p"] if year == 2016 else [])


def _names(file: Path) -> list[str]:
    lines = plain_name(read_text(file)).splitlines()
    named = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not named:
        raise InputError(f"{file}: contains no names of sequences.")
    # The lists of DAVIS 2016 have a line for every frame, so each sequence appears many times.
    return list(dict.fromkeys(_name(line, file, number) for number, line in named))


def _name(line: str, file: Path, number: int) -> str:
    """`dog`, or `/JPEGImages/480p/dog/00000.jpg /Annotations/480p/dog/00000.png`."""
    if "/" not in line:
        return line
    words = line.split()
    # The name of the folder: the paths begin with a slash, but are relative to the data set.
    parents = {path.split("/")[-2] for path in words if "/" in path}
    if len(words) == 2 and len(parents) == 1 and all("/" in path for path in words):
        return parents.pop()
    raise InputError(
        f"{file}: line {number} must be the name of a sequence, or the paths of a frame and of its "
        f"mask. Received: {line!r}"
    )
