from pathlib import Path

import numpy as np
import pytest
from faulty_data import MASK, make_data, plant_orphan, save_mask
from frame_folders import picture
from mask_folders import blocks, write_sequences
from PIL import Image

from ytvos_keras.datasets.check.repair import repair
from ytvos_keras.errors import InputError
from ytvos_keras.records.check import check


@pytest.fixture
def root(tmp_path):
    return make_data(tmp_path / "train")


def test_repair(root):
    (root / "meta.json").unlink()
    masks = sorted((root / "Annotations/dog").iterdir())
    save_mask(root, blocks(1, 3), masks[0], "RGB")
    Image.open(masks[1]).convert("RGB").save(masks[1])  # colours of its palette
    Image.fromarray(blocks(1).astype(np.uint16)).save(masks[2])
    save_mask(root, blocks(1).clip(0, 1) * np.uint8(255), masks[3], "LA")
    before = {mask: mask.read_bytes() for mask in masks}
    plant_orphan(root)
    write_sequences(root / "Annotations", {"cow": [blocks(1)]})

    fixed = repair(check(root))

    assert [fault.repair for fault in fixed] == ["aside", "aside", *["reencode"] * 4]
    assert check(root).faults == ()
    for mask, labels in zip(masks, (blocks(1, 3), blocks(1, 3), blocks(1)), strict=False):
        image = Image.open(mask)
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), labels)
    assert np.asarray(Image.open(masks[3])).max() == 255
    for mask, data in before.items():
        assert (root / "unfixed" / mask.relative_to(root)).read_bytes() == data
    assert (root / "faulty/Annotations/dog/00007.png").is_file()
    assert (root / "faulty/Annotations/cow/00000.png").is_file()
    assert repair(check(root)) == ()


def test_repair_with_a_relative_root(root, monkeypatch):
    """Also where masks and frames are in different folders, one of which is found by its name."""
    frames = root.with_name("train_all_frames") / "JPEGImages"
    frames.parent.mkdir()
    (root / "JPEGImages").rename(frames)
    plant_orphan(root)
    monkeypatch.chdir(root.parent)
    (fault,) = repair(check("."))
    assert fault.file == "train/Annotations/dog/00007.png"
    assert Path("faulty/train/Annotations/dog/00007.png").is_file()
    assert not Path("train/Annotations/dog/00007.1.png").exists()


def test_repair_never_overwrites_earlier_backups(root):
    for _ in range(2):
        plant_orphan(root)
        repair(check(root))
    aside = root / "faulty/Annotations/dog"
    assert sorted(file.name for file in aside.iterdir()) == ["00007.1.png", "00007.png"]


def test_ambiguous_faults_are_not_repaired(root):
    picture(9).save(root / MASK)
    save_mask(root, blocks(), "Annotations/dog/00000.png")
    before = {file: file.read_bytes() for file in Path(root).rglob("*.*")}
    assert repair(check(root)) == ()
    assert {file: file.read_bytes() for file in Path(root).rglob("*.*")} == before


def test_file_changed_between_check_and_repair(root):
    save_mask(root, blocks(1, 3), mode="RGB")
    plant_orphan(root)
    report = check(root)
    (root / "Annotations/dog/00007.png").unlink()
    with pytest.raises(
        InputError, match=r"00007\.png: has disappeared since it was checked; check again"
    ):
        repair(report)
    picture(9).save(root / MASK)
    plant_orphan(root)
    with pytest.raises(InputError, match=r"00005\.png: has changed since it was checked"):
        repair(report)


def test_masks_stay_if_none_has_a_frame(root):
    for mask in (root / "Annotations/dog").iterdir():
        mask.rename(mask.with_stem(f"mask_{mask.stem}"))
    report = check(root)
    assert "annotation-without-frame" in {fault.kind for fault in report.faults}
    assert repair(report) == ()

    for video in (root / "JPEGImages").iterdir():
        video.rename(video.with_name(f"{video.name}_480p"))
    (root / "meta.json").unlink()
    assert repair(check(root)) == ()


def test_files_outside_the_data_set_are_left_alone(root, tmp_path):
    outside = tmp_path / "outside.png"
    save_mask(root, blocks(1, 3), mode="RGB")
    (root / MASK).rename(outside)
    (root / MASK).symlink_to(outside)
    before = outside.read_bytes()
    report = check(root)
    assert [(fault.kind, fault.file) for fault in report.faults] == [("colour-mask", MASK)]
    assert repair(report) == ()
    assert outside.read_bytes() == before


def test_broken_links_are_set_aside(root):
    for _ in range(2):
        (root / "Annotations/dog/00007.png").symlink_to("nowhere.png")
        assert len(repair(check(root))) == 1
    aside = root / "faulty/Annotations/dog"
    assert sorted(file.name for file in aside.iterdir()) == ["00007.1.png", "00007.png"]
    assert check(root).is_clean


def test_repairs_before_an_error_are_reported(root):
    save_mask(root, blocks(1, 3), mode="RGB")
    plant_orphan(root)
    report = check(root)
    picture(9).save(root / MASK)
    repaired = []
    with pytest.raises(InputError, match=r"00005\.png: has changed"):
        repair(report, repaired.append)
    assert [fault.file for fault in repaired] == ["Annotations/dog/00007.png"]
