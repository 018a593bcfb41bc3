"""Repair faults of a data set without guessing; nothing is deleted."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.check.mask_bytes import exact_labels
from ytvos_keras.datasets.check.report import CheckReport
from ytvos_keras.datasets.readers.sources import SET_ASIDE
from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.masks import write_mask
from ytvos_keras.media.pictures import load_picture

_FAULTY, _UNFIXED = SET_ASIDE


def repair(
    report: CheckReport, on_repair: Callable[[Fault], object] = lambda fault: None
) -> tuple[Fault, ...]:
    """Repair the faults of a report on folders that have a `repair`, and return them.

    `reencode`: a mask whose ids are certain but whose file is not an 8-bit index PNG is saved as
    one; the original goes to `<root>/unfixed/…`. `aside`: a mask without a frame is moved to
    `<root>/faulty/…`. Each file is replaced atomically; one that has changed since the check is an
    error. Check again to see what remains. `on_repair` is called after each repair, so that those
    before an error are known.
    """
    repaired = []
    for fault in report.faults:
        if fault.repair is not None:
            _ACTIONS[fault.repair](report.root, fault.file)
            repaired.append(fault)
            on_repair(fault)
    return tuple(repaired)


def _reencode(root: Path, file: str) -> None:
    path = root / file
    labels = exact_labels(load_picture(path))
    if labels is None:
        raise InputError(f"{path}: has changed since it was checked; check again.")
    # The copy is complete before the mask is touched, so that an original exists at any time.
    with atomic_path(_free_place(root / _UNFIXED / file)) as part:
        shutil.copy2(path, part)
    if path.suffix.lower() == ".png":
        write_mask(path, labels)
        return
    write_mask(_free_place(path.with_suffix(".png")), labels)
    path.unlink()  # last: its original and its replacement are on disk


def _set_aside(root: Path, file: str) -> None:
    path = root / file
    if not os.path.lexists(path):  # a broken link exists
        raise InputError(f"{path}: has disappeared since it was checked; check again.")
    path.rename(_free_place(root / _FAULTY / file))


def _free_place(path: Path) -> Path:
    """A free path: `a.png`, else `a.1.png` and so on; creates its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    free, number = path, 0
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}.{number}{path.suffix}")
    return free


_ACTIONS = {"reencode": _reencode, "aside": _set_aside}
