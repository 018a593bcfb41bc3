"""List the frames or masks in a folder."""

import unicodedata
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path

import natsort

from ytvos_keras.errors import InputError, and_more

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
PICTURE_SUFFIXES = (*JPEG_SUFFIXES, ".png", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = "JPEG, PNG, WebP, BMP or TIFF"

VIDEO_SUFFIXES = (
    *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265", ".hevc"),
    *(".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mod", ".mov", ".mp4", ".mpeg"),
    *(".mpg", ".mts", ".mxf", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)

# Created by Synology, QNAP, macOS, Windows and file systems, besides names with a leading dot.
_SYSTEM = {
    *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "__macosx"),
    *("$recycle.bin", "system volume information", "lost+found", "thumbs.db", "desktop.ini"),
}
_LONGEST = 200  # bytes; file systems allow 255
# Notes and lists next to images, ignored without a warning.
_NOTES = {
    *(".csv", ".db", ".html", ".ini", ".json", ".log", ".md", ".nfo", ".pdf", ".py", ".sh", ".srt"),
    *(".txt", ".vtt", ".xml", ".yaml", ".yml"),
}


def is_hidden(path: Path) -> bool:
    """Whether a name starts with a dot, or is one that an operating system creates."""
    return path.name.startswith(".") or path.name.lower() in _SYSTEM


def is_broken_link(path: Path) -> bool:
    """Whether a path is a broken link."""
    return path.is_symlink() and not path.exists()


def plain_name(name: str) -> str:
    """Normalize a name to NFC, since Unicode has several encodings of `é`."""
    return unicodedata.normalize("NFC", name)


def shortened(name: str) -> str:
    """Cut a name to 200 bytes, so that file systems accept it with a number and a suffix."""
    return name.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore")


def child(folder: Path, name: str) -> Path:
    """The entry of a folder with an equivalent name; `folder / name` if there is none."""
    path = folder / name
    # Most names are ASCII, which has only one form, so the folder need not be listed.
    if name.isascii() or path.exists() or not folder.is_dir():
        return path
    alike = (e for e in folder.iterdir() if plain_name(e.name) == plain_name(name))
    return next(alike, path)


def list_pictures(folder: Path) -> list[Path]:
    """List the images of a folder in natural order (`img2` before `img10`).

    Suffixes are compared case-insensitively; hidden files are skipped. Broken links are listed, and
    reported when they are read.
    """
    files = (
        file
        for file in folder.iterdir()
        # A broken link is not a file, but skipping it would silently drop a frame.
        if file.suffix.lower() in PICTURE_SUFFIXES and (file.is_file() or is_broken_link(file))
    )
    # By name first: natural order treats "1" and "01" as equal, and folders list in any order.
    visible = sorted(file for file in files if not is_hidden(file))
    return natsort.natsorted(visible, key=lambda file: file.stem)


def list_masks(folder: Path) -> list[Path]:
    """List the masks of a folder in natural order.

    All images are listed, so that a format that cannot be a mask is an error on reading. Only
    images next to a PNG of the same name are skipped, with a warning: they are its frame.
    """
    files = list_pictures(folder)
    indexed = {plain_name(file.stem) for file in files if _is_png(file)}
    frames = [file for file in files if not _is_png(file) and plain_name(file.stem) in indexed]
    if frames:
        warnings.warn(
            f"{frames[0]}{and_more(frames[1:])}: not used as a mask, because there is a PNG of the "
            "same name.",
            stacklevel=3,
        )
    # There may be an overlay video next to the masks.
    warn_of_unread_files(folder, fine=VIDEO_SUFFIXES)
    unused = set(frames)
    return [file for file in files if file not in unused]


def unread_files(folder: Path, fine: Collection[str] = ()) -> list[Path]:
    """The visible files of a folder that are neither supported images, nor `fine`, nor notes."""
    known = {*PICTURE_SUFFIXES, *fine}
    return natsort.natsorted(
        file
        for file in folder.iterdir()
        if not is_hidden(file)
        and may_be_media(file)
        and file.suffix.lower() not in known
        and (file.is_file() or is_broken_link(file))
    )


def may_be_media(path: Path) -> bool:
    """Whether a file may be an image or a video, by its suffix: notes and lists are not."""
    return path.suffix.lower() not in _NOTES


def warn_of_unread_files(folder: Path, fine: Collection[str] = ()) -> None:
    """Name the first of `unread_files` in a warning."""
    if unread := unread_files(folder, fine):
        warnings.warn(
            f"{unread[0]}{and_more(unread[1:])}: skipped; images must be {FORMATS}.",
            stacklevel=4,
        )


def check_no_broken_link(files: Iterable[Path]) -> None:
    """Raise `InputError` for the first broken link."""
    broken = [file for file in files if is_broken_link(file)]
    if broken:
        raise InputError(f"{broken[0]}: {broken_link_text(broken[0])}{and_more(broken[1:])}.")


def broken_link_text(link: Path) -> str:
    """Describe a broken link and its remedy."""
    return f"a broken link to {link.readlink()}; fetch or mount that file, or remove the link"


def _is_png(file: Path) -> bool:
    return file.suffix.lower() == ".png"
