"""Frames from a folder of pictures."""

from collections.abc import Callable, Iterator
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
from ytvos_keras.media.pictures import read_rgb


class FolderFrames(FrameSource):
    """Pictures of one folder in natural order (`img2` before `img10`); see `open_frames`."""

    fps = None

    def __init__(self, folder: str | Path):
        self.path = Path(folder)
        self.files = _pictures(self.path)
        self.names = [file.stem for file in self.files]
        self.count = len(self.files)
        self.size = read_rgb(self.files[0]).shape[:2]
        self._index = {plain_name(name): index for index, name in enumerate(self.names)}

    def read(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        for index, file in enumerate(self.files[start:], start):
            if wanted is None or wanted(index):
                yield file.stem, read_rgb(file)

    def index_of(self, stem: str) -> int | None:
        return self._index.get(plain_name(stem))


def _pictures(folder: Path) -> list[Path]:
    files = list_pictures(folder)
    warn_of_unread_files(folder)
    if not files:
        inside = " (there are folders in it: give one of them)" if _has_folders(folder) else ""
        raise InputError(f"{folder}: no frames ({FORMATS}) in this folder{inside}.")
    seen: dict[str, Path] = {}
    for file in files:
        name = plain_name(file.stem)
        if name in seen:
            raise InputError(
                f"{folder}: {seen[name].name} and {file.name} are frames of the same name; "
                "their masks would overwrite each other, rename or move one of them."
            )
        seen[name] = file
    check_no_broken_link(files)
    return files


def _has_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.iterdir())
