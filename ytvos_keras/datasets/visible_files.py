"""Search a folder with its subfolders."""

from pathlib import Path

import natsort

from ytvos_keras.media.listing import is_hidden


def visible_files(root: Path) -> list[Path]:
    """List the files below a folder in natural order; hidden files and folders are left out.

    Links to folders are followed, but every folder is listed once: a link may lead to a parent.
    Broken links are listed.
    """
    files: list[Path] = []
    links: list[Path] = []
    folders, seen = [root], set()
    while folders or links:
        # Links last, so that a file is found under its own path rather than that of a link.
        folder = folders.pop() if folders else links.pop()
        if folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        for entry in sorted(folder.iterdir(), reverse=True):
            if is_hidden(entry):
                continue
            if not entry.is_dir():
                files.append(entry)
            elif entry.is_symlink():
                links.append(entry)
            else:
                folders.append(entry)
    # Sorted first: natural order has ties (`a1`, `a01`).
    return natsort.natsorted(sorted(files), key=str)
