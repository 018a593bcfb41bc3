"""Folders that contain one folder of masks for each sequence."""

from collections.abc import Callable, Sequence
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError, and_more, listed
from ytvos_keras.media.listing import (
    check_no_broken_link,
    child,
    is_hidden,
    list_masks,
    list_pictures,
    plain_name,
)


def list_sequences(folder: Path) -> list[str]:
    """Names of the subfolders that contain images, in natural order; hidden ones are left out.

    If there is none, the error says which folder to give instead, if one is found nearby.
    """
    check_is_folder(folder)
    names = [
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not is_hidden(entry) and list_pictures(entry)
    ]
    # A link to an unmounted disk must not silently shorten the list.
    check_no_broken_link(entry for entry in folder.iterdir() if not is_hidden(entry))
    if not names:
        below = _below(folder, lambda place: any(map(_holds_png, place.glob("*"))))
        raise InputError(f"{folder}: {_no_sequences(folder, below)}.")
    # Sorted first: the natural order of "1" and "01" would depend on the file system.
    return natsort.natsorted(sorted(names))


def check_sequence_folders(folder: Path, names: Sequence[str]) -> None:
    """Make sure that a folder contains a folder for each of the sequences, at least one.

    If all are missing, the error says which folder to give instead, if one is found one or two
    levels below or above.
    """
    check_is_folder(folder)
    missing = [name for name in names if not child(folder, name).is_dir()]
    if not missing:
        return
    if len(missing) == len(names):
        below = _below(folder, lambda place: any(_holds_png(place / name) for name in names))
        if below or _holds_png(folder):
            raise InputError(f"{folder}: {_no_sequences(folder, below)}.")
    raise InputError(
        f"{folder / missing[0]}: no such folder{and_more(missing[1:])}; every sequence needs a "
        "folder with its name. To leave out sequences, name the ones to use, or a split."
    )


def mask_files(folder: Path) -> dict[str, Path]:
    """The masks of a folder by their names without suffix, in natural order."""
    return {plain_name(file.stem): file for file in list_masks(folder)}


def masks_of_frames(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The masks of a folder by the names of the frames that have one."""
    files = mask_files(folder)
    return {name: files[plain_name(name)] for name in names if plain_name(name) in files}


def picture_files(folder: Path) -> dict[str, Path]:
    """The images of a folder by their names without suffix; a PNG takes precedence."""
    pictures: dict[str, Path] = {}
    for file in list_pictures(folder):
        name = plain_name(file.stem)
        if name not in pictures or file.suffix.lower() == ".png":
            pictures[name] = file
    return pictures


def check_is_folder(folder: Path) -> None:
    """Make sure that a folder exists and is not a file, such as a zip."""
    if not folder.exists():
        raise InputError(f"{folder}: no such folder.")
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file, not a folder (unpack an archive first).")


def _no_sequences(folder: Path, below: Sequence[Path]) -> str:
    if below:
        which = f"{'one of ' if below[1:] else ''}{listed(below)}"
        return f"the folders of the sequences are further down; give {which} instead"
    if _holds_png(folder):
        return (
            f"contains masks itself; give its parent folder, {folder.absolute().parent}, in which "
            "each folder has the name of its sequence"
        )
    return "no folder in it contains masks (PNG); give the folder with one folder per sequence"


def _below(folder: Path, holds_sequences: Callable[[Path], bool]) -> list[Path]:
    """The folders that contain sequences one level down, or if there are none, two levels down."""
    for level in ("*", "*/*"):
        places = (place for place in sorted(folder.glob(level)) if place.is_dir())
        if found := list(filter(holds_sequences, places)):
            return found
    return []


def _holds_png(folder: Path) -> bool:
    return folder.is_dir() and any(file.suffix.lower() == ".png" for file in folder.iterdir())
