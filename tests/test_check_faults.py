import shutil

import numpy as np
import pytest
from faulty_data import (
    DOG,
    FIFTH,
    JPG,
    MASK,
    cut_off,
    found,
    make_data,
    plant_orphan,
    plant_smooth_edges,
    plant_turned,
    plant_unknown_ids,
    relist,
    rewrite,
    save_mask,
)
from frame_folders import picture, write_frames
from mask_folders import blocks, write_meta, write_sequences
from PIL import Image

from ytvos_keras.datasets.check.faults import KINDS
from ytvos_keras.records.check import check

PLANTED = {
    "cut off": (
        cut_off,
        ("damaged-frame", JPG, "cut off, its end marker is missing"),
    ),
    "no picture": (
        lambda root: rewrite(root / JPG, lambda data: b"<html>404"),
        ("damaged-frame", JPG, "not a JPEG, PNG, WebP, BMP, TIFF or GIF file"),
    ),
    "other format": (
        lambda root: picture(9).save(root / JPG, format="BMP"),
        ("frame-format", JPG, "a BMP file"),
    ),
    "turned": (plant_turned, ("turned-frame", JPG, "orientation 6")),
    "repeated": (
        lambda root: shutil.copy(root / DOG / "00000.jpg", root / JPG),
        ("duplicate-frame", JPG, "same as frame 00000"),
    ),
    "same name": (
        lambda root: write_frames(root / DOG, ["00005"], ".png"),
        ("same-name", f"{DOG}/00005.png", "beside 00005.jpg"),
    ),
    "no frames": (
        lambda root: [file.unlink() for file in (root / DOG).iterdir()],
        ("no-frames", DOG, ""),
    ),
    "mask cut off": (
        lambda root: rewrite(root / MASK, lambda data: data[:-30]),
        ("damaged-mask", MASK, "cut off, its end is missing"),
    ),
    "JPEG called PNG": (
        lambda root: Image.fromarray(blocks(1, 3)).save(root / MASK, format="JPEG"),
        ("jpeg-mask", MASK, ""),
    ),
    "JPEG mask": (
        lambda root: (root / MASK).rename((root / MASK).with_suffix(".jpg")),
        ("jpeg-mask", "Annotations/dog/00005.jpg", ""),
    ),
    "colours": (
        lambda root: picture(9).save(root / MASK),
        ("colour-mask", MASK, "PNG, mode RGB, 64 colours that are not ids"),
    ),
    "grey as colours": (
        lambda root: save_mask(root, blocks(1, 3), mode="RGB"),
        ("colour-mask", MASK, "PNG, mode RGB"),
    ),
    "smooth edges": (plant_smooth_edges, ("smooth-mask", MASK, "64 values")),
    "mask of another size": (
        lambda root: save_mask(root, blocks(1, 3)[:6]),
        ("mask-size", MASK, "6x8, its frame 8x8 (height x width)"),
    ),
    "unknown ids": (
        plant_unknown_ids,
        ("unknown-ids", MASK, "ids 2, 5; listed: 1, 3"),
    ),
    "empty first mask": (
        lambda root: save_mask(root, blocks(), "Annotations/dog/00000.png"),
        ("empty-first-mask", "Annotations/dog/00000.png", ""),
    ),
    "mask without frame": (
        plant_orphan,
        ("annotation-without-frame", "Annotations/dog/00007.png", ""),
    ),
    "masks without video": (
        lambda root: write_sequences(root / "Annotations", {"cow": [blocks(1)]}),
        ("annotation-without-frame", "Annotations/cow", "a folder"),
    ),
    "never seen": (
        lambda root: relist(
            root, {"1": (None, FIFTH), "2": ("cow", FIFTH), "3": (None, FIFTH[1:])}
        ),
        ("object-never-seen", DOG, "object 2 (cow)"),
    ),
    "absent": (
        lambda root: relist(root, {"1": (None, FIFTH), "3": ("cow", FIFTH[2:])}),
        ("object-absent", "Annotations/dog/00010.png", "object 3 (cow)"),
    ),
    "first mask missing": (
        lambda root: (root / MASK).unlink(),
        ("missing-mask", DOG, "00005, the first frame of object 3"),
    ),
    "frame missing": (
        lambda root: (relist(root, {"1": (None, [*FIFTH, "00020"]), "3": (None, FIFTH[1:])}),),
        ("missing-frame", f"{DOG}/00020", ""),
    ),
    "video missing": (
        lambda root: write_meta(
            root / "meta.json", {"cat": {}, "dog": {}, "cow": {"1": (None, FIFTH)}}
        ),
        ("missing-video", "JPEGImages/cow", ""),
    ),
    "video not listed": (
        lambda root: write_meta(root / "meta.json", {"cat": {"1": ("cat", FIFTH)}}),
        ("unlisted-video", DOG, ""),
    ),
    "not annotated": (
        lambda root: (relist(root, {}), shutil.rmtree(root / "Annotations/dog")),
        ("not-annotated", DOG, ""),
    ),
}


@pytest.fixture
def root(tmp_path):
    return make_data(tmp_path / "train")


def test_clean_data_has_no_faults(root):
    report = check(root)
    assert report.faults == () and report.is_clean
    assert report.lines() == [f"{root}: no fault in 2 videos, 8 frames"]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_found(root, name):
    plant, fault = PLANTED[name]
    plant(root)
    faults = found(root)
    if name in ("no frames", "JPEG mask"):  # these have a secondary effect
        assert fault in faults and len(faults) > 1
    else:
        assert faults == [fault]
    assert check(root).is_clean == KINDS[fault[0]].is_note


def test_truncated_jpeg_with_an_end_marker(root):
    write_frames(root / DOG, FIFTH, size=(64, 64))
    for name in FIFTH:
        labels = np.pad(blocks(1, 3), ((0, 56), (0, 56)))
        save_mask(root, labels, f"Annotations/dog/{name}.png")
    assert found(root) == []
    rewrite(root / JPG, lambda data: data[: len(data) // 2] + b"\xff\xd9")
    assert found(root) == [("damaged-frame", JPG, "its data ends early or is corrupt")]


def test_no_object_anywhere(root):
    write_sequences(root / "Annotations", {"cat": dict.fromkeys(FIFTH, blocks())})
    assert ("no-object", "JPEGImages/cat", "") in found(root)
    assert ("object-never-seen", "JPEGImages/cat", "object 1 (cat)") in found(root)


def test_frames_of_different_sizes(root):
    picture(9, (8, 6)).save(root / JPG)
    assert found(root) == [
        ("mask-size", MASK, "8x8, its frame 8x6 (height x width)"),
        ("frame-size", JPG, "8x6, most are 8x8 (height x width)"),
    ]


def test_duplicate_video_is_a_note(root):
    (root / "meta.json").unlink()
    for folder in ("JPEGImages", "Annotations"):
        shutil.copytree(root / folder / "cat", root / folder / "puss")
    report = check(root)
    assert report.is_clean
    assert found(root) == [("shared-frames", "puss", "4 of its 4 frames are in cat")]
    assert report.lines()[-1] == f"{root}: no fault, 1 note in 3 videos, 12 frames"


def test_binary_masks_are_object_1(root):
    relist(root, {"1": ("dog", FIFTH)})
    for name in FIFTH:
        save_mask(root, blocks(1, 3).clip(0, 1) * np.uint8(255), f"Annotations/dog/{name}.png")
    assert found(root) == []


def test_binary_masks_are_not_another_object(root):
    """Records would lose its category."""
    relist(root, {"2": ("dog", FIFTH)})
    for name in FIFTH:
        save_mask(root, blocks(1, 3).clip(0, 1) * np.uint8(255), f"Annotations/dog/{name}.png")
    masks = [f"Annotations/dog/{name}.png" for name in FIFTH]
    assert found(root) == [
        *(("unknown-ids", mask, "ids 1; listed: 2") for mask in masks),
        ("object-never-seen", DOG, "object 2 (dog)"),
    ]
