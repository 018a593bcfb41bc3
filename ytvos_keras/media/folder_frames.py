"""Frames from a folder of images."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.listing import (
    FORMATS,
    check_no_broken_link,
    list_pictures,
    plain_name,
    warn_of_unread_files,
)
from ytvos_keras.media.pictures import load_picture, read_rgb

_DARK = 2**13  # of 2**16


class FolderFrames(FrameSource):
    """Images of one folder in natural order (`img2` before `img10`); see `open_frames`."""

    fps = None

    def __init__(self, folder: str | Path, *, skip_damage: bool = False):
        super().__init__()
        self.path, self.skip_damage = Path(folder), skip_damage
        self.files = _pictures(self.path)
        self.names = [file.stem for file in self.files]
        self.count = len(self.files)
        # Decoded, not from the header, whose sides are swapped if EXIF rotates the image.
        self.size = read_rgb(self.files[0]).shape[:2]
        _warn_of_dark_16_bits(self.files[0])
        self._index = {plain_name(name): index for index, name in enumerate(self.names)}

    def read_with_times(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, None, np.ndarray]]:
        frame, after = None, 0  # the latest frame that was yielded, and the index after it
        for index, file in enumerate(self.files[start:], start):
            if wanted is None or wanted(index):
                try:
                    frame = read_rgb(file)
                except InputError as error:
                    # Frames in between are not wanted, or belong to an earlier run.
                    before = _first_intact(reversed(self.files[after:index]), frame)
                    frame = self._replace(file.stem, error, before)
                after = index + 1
                yield file.stem, None, frame

    def index_of(self, stem: str) -> int | None:
        return self._index.get(plain_name(stem))


def _first_intact(files: Iterable[Path], otherwise: np.ndarray | None) -> np.ndarray | None:
    for file in files:
        with contextlib.suppress(InputError):
            return read_rgb(file)
    return otherwise


def _pictures(folder: Path) -> list[Path]:
    files = list_pictures(folder)
    warn_of_unread_files(folder)
    if not files:
        inside = " (there are folders in it: give one of them)" if _has_folders(folder) else ""
        raise InputError(f"{folder}: no frames ({FORMATS}) in this folder{inside}.")
    seen: dict[str, Path] = {}
    for file in files:
        # Compared in NFC: two names that look the same would be one mask file on macOS.
        name = plain_name(file.stem)
        if name in seen:
            raise InputError(
                f"{folder}: {seen[name].name} and {file.name} are frames of the same name, so "
                "their masks would overwrite each other; rename or move one of them."
            )
        seen[name] = file
    check_no_broken_link(files)
    return files


def _warn_of_dark_16_bits(file: Path) -> None:
    """Warn about 10 or 12 bits stored in 16, as by some cameras: their high byte is nearly 0."""
    # Read again as stored: `read_rgb` keeps the high byte only.
    image = load_picture(file)
    if not image.mode.startswith("I"):
        return
    largest = int(np.asarray(image).max())
    if 0 < largest < _DARK:
        warnings.warn(
            f"{file}: 16 bits, but no value above {largest}: frames will look black, as only the "
            "high byte is used; save them with 8 bits, scaled to 0–255.",
            stacklevel=4,
        )


def _has_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.iterdir())
