"""A small data set without faults, and functions that plant some."""

import numpy as np
from frame_folders import every_fifth, picture, write_frames
from mask_folders import blocks, write_meta, write_sequences
from PIL import Image

from ytvos_keras.records.check import check

FIFTH = every_fifth(4)
DOG = "JPEGImages/dog"
JPG, MASK = f"{DOG}/00005.jpg", "Annotations/dog/00005.png"


def make_data(root):
    """Write two valid videos; one object appears late and is absent once."""
    for name in ("cat", "dog"):
        write_frames(root / "JPEGImages" / name, FIFTH)
    write_sequences(
        root / "Annotations",
        {
            "cat": dict.fromkeys(FIFTH, blocks(1)),
            "dog": dict(
                zip(FIFTH, (blocks(1), blocks(1, 3), blocks(1), blocks(1, 3)), strict=True)
            ),
        },
    )
    write_meta(
        root / "meta.json",
        {"cat": {"1": ("cat", FIFTH)}, "dog": {"1": ("dog", FIFTH), "3": (None, FIFTH[1:])}},
    )
    return root


def found(root, **options):
    """The faults that `check` reports, as (kind, file, what)."""
    return [(fault.kind, fault.file, fault.what) for fault in check(root, **options).faults]


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


def save_mask(root, labels, file=MASK, mode=None):
    image = Image.fromarray(labels)
    (image if mode is None else image.convert(mode)).save(root / file)


def relist(root, objects):
    write_meta(root / "meta.json", {"cat": {"1": ("cat", FIFTH)}, "dog": objects})


def plant_orphan(root):
    write_sequences(root / "Annotations", {"dog": {"00007": blocks(1)}})


def plant_smooth_edges(root):
    save_mask(root, np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)


def plant_turned(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(9).save(root / DOG / "00005.jpg", exif=exif)


def cut_off(root):
    rewrite(root / JPG, lambda data: data[:-9])


def plant_unknown_ids(root):
    save_mask(root, blocks(1, 2, 3, 5))
