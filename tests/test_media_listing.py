import re
import unicodedata

import numpy as np
import pytest
from frame_folders import picture, write_frames
from mask_folders import blocks, write_sequences
from PIL import Image

from ytvos_keras.datasets.check.repair import repair
from ytvos_keras.datasets.davis_layout import read_image_set
from ytvos_keras.datasets.raw_videos.find_videos import find_videos
from ytvos_keras.datasets.selection import read_names, select_names
from ytvos_keras.datasets.sequence_folders import list_sequences, mask_files
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import evaluate
from ytvos_keras.inference.batch_files import list_batch
from ytvos_keras.inference.first_masks import open_first_masks
from ytvos_keras.media import open_frames, write_mask
from ytvos_keras.media.listing import child, is_hidden
from ytvos_keras.records import check

SYSTEM = ("@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", ".git")
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.fixture
def dataset(tmp_path):
    """Two annotated videos of three frames."""
    for name in ("cat", "dog"):
        write_frames(tmp_path / "JPEGImages" / name, ["0", "1", "2"])
    masks = [blocks(1)] * 3
    write_sequences(tmp_path / "Annotations", {"cat": masks, "dog": masks})
    for name in ("cat", "dog"):
        for file in (tmp_path / "Annotations" / name).iterdir():
            file.rename(file.with_name(f"{int(file.stem)}.png"))
    return tmp_path


def kinds(report):
    return {(fault.kind, fault.file) for fault in report.faults}


def test_frames_of_every_format_are_read(tmp_path):
    suffixes = (".jpg", ".jfif", ".JPE", ".png", ".webp", ".bmp", ".tif", ".TIFF")
    for number, suffix in enumerate(suffixes):
        kind = {"jfif": "JPEG", "jpe": "JPEG"}.get(suffix[1:].lower())
        picture(0, (32, 48)).save(tmp_path / f"{number}{suffix}", kind)
    source = open_frames(tmp_path)
    frames = [frame for _, frame in source]
    assert source.names == [str(number) for number in range(len(suffixes))]
    assert all(np.array_equal(frame, frames[3]) for frame in frames[5:])  # the lossless ones


def test_files_that_may_be_frames_are_reported(tmp_path):
    write_frames(tmp_path, ["0"])
    for name in ("Thumbs.db", ".1.heic", "notes.txt", "meta.json"):
        (tmp_path / name).touch()
    assert open_frames(tmp_path).count == 1
    (tmp_path / "1.heic").touch()
    (tmp_path / "2").touch()
    with pytest.warns(UserWarning, match=r"1\.heic \(and 1 more\): skipped; images must be JPEG"):
        open_frames(tmp_path)


def test_broken_links_are_reported(dataset, tmp_path):
    frame = dataset / "JPEGImages/dog/1.jpg"
    frame.unlink()
    frame.symlink_to("/nowhere/1.jpg")
    with pytest.raises(InputError, match=r"dog/1\.jpg: a broken link to /nowhere/1\.jpg; fetch"):
        open_frames(dataset / "JPEGImages/dog")
    report = check(dataset, layout="youtube-vos")
    assert kinds(report) == {("broken-link", "JPEGImages/dog/1.jpg")}
    assert repair(report) == ()
    assert (dataset / "Annotations/dog/1.png").exists()

    mask = dataset / "Annotations/cat/1.png"
    mask.unlink()
    mask.symlink_to("/nowhere/1.png")
    with pytest.raises(InputError, match=r"cat/1\.png: a broken link"):
        open_first_masks(dataset / "Annotations/cat", open_frames(dataset / "JPEGImages/cat"))
    assert ("broken-link", "Annotations/cat/1.png") in kinds(check(dataset, layout="youtube-vos"))
    with pytest.raises(InputError, match=r"cat/1\.png: a broken link"):
        evaluate(dataset / "Annotations", dataset / "Annotations", "davis2017")


def test_broken_links_to_folders_and_videos(dataset, tmp_path):
    (dataset / "JPEGImages/cow").symlink_to("/nowhere/cow")
    (dataset / "Annotations/cow").mkdir()
    write_mask(dataset / "Annotations/cow/0.png", blocks(1))
    report = check(dataset, layout="youtube-vos")
    assert kinds(report) == {("broken-link", "JPEGImages/cow")}
    videos = list_batch(dataset / "JPEGImages", dataset / "Annotations", tmp_path / "out")
    assert [video.name for video in videos] == ["cat", "cow", "dog"]
    (dataset / "Annotations/owl").symlink_to("/nowhere/owl")
    with pytest.raises(InputError, match="owl: a broken link"):
        list_sequences(dataset / "Annotations")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.mp4").symlink_to("/nowhere/a.mp4")
    assert [video.name for video in find_videos(tmp_path / "raw")] == ["a"]


@pytest.mark.parametrize("frame", ["1.heic", "1.webp", "1", "1.JPG.txt"])
def test_fix_keeps_masks_whose_frame_may_exist(dataset, frame):
    (dataset / "JPEGImages/dog/1.jpg").rename(dataset / "JPEGImages/dog" / frame)
    report = check(dataset, layout="youtube-vos")
    repair(report)
    moved = not (dataset / "Annotations/dog/1.png").exists()
    assert moved == (frame == "1.JPG.txt")
    if frame == "1.heic":
        assert ("frame-format", "JPEGImages/dog/1.heic") in kinds(report)


def test_masks_in_unsupported_formats(dataset):
    source = open_frames(dataset / "JPEGImages/dog")
    mask = dataset / "Annotations/dog/1.png"
    Image.open(mask).convert("L").save(mask.with_suffix(".jpg"))
    with pytest.warns(UserWarning, match=r"1\.jpg: not used as a mask"):
        open_first_masks(mask.parent, source)
    mask.unlink()
    with pytest.raises(InputError, match=r"1\.jpg: JPEG does not keep exact values"):
        open_first_masks(mask.parent, source)
    with pytest.raises(InputError, match=r"1\.jpg: JPEG does not keep exact values"):
        evaluate(mask.parent.parent, mask.parent.parent, "davis2017")
    mask.with_suffix(".jpg").unlink()
    mask.with_suffix(".npy").touch()
    with pytest.warns(UserWarning, match=r"1\.npy: skipped; images must be"):
        open_first_masks(mask.parent, source)
    assert ("colour-mask", "Annotations/dog/1.npy") in kinds(check(dataset, layout="youtube-vos"))


def test_mask_in_another_lossless_format_is_saved_as_png(dataset):
    mask = dataset / "Annotations/dog/1.png"
    Image.fromarray(blocks(1)).save(mask.with_suffix(".tif"))
    mask.unlink()
    report = check(dataset, layout="youtube-vos")
    assert kinds(report) == {("colour-mask", "Annotations/dog/1.tif")}
    repair(report)
    assert check(dataset, layout="youtube-vos").is_clean
    assert (dataset / "unfixed/Annotations/dog/1.tif").exists()


def test_system_folders_are_ignored(dataset, tmp_path):
    for name in SYSTEM:
        assert is_hidden(dataset / name)
        write_frames(dataset / "JPEGImages" / name, ["0"])
        write_sequences(dataset / "Annotations", {name: [blocks(1)]})
    assert check(dataset, layout="youtube-vos").is_clean
    assert list_sequences(dataset / "Annotations") == ["cat", "dog"]
    videos = list_batch(dataset / "JPEGImages", dataset / "Annotations", tmp_path / "out")
    assert [video.name for video in videos] == ["cat", "dog"]
    (tmp_path / "raw/@eaDir").mkdir(parents=True)
    (tmp_path / "raw/@eaDir/a.mp4").touch()
    (tmp_path / "raw/b.mp4").touch()
    assert [video.name for video in find_videos(tmp_path / "raw")] == ["b"]


def test_batch_reports_unused_files(dataset, tmp_path):
    (dataset / "JPEGImages/a.xyz").touch()
    (dataset / "JPEGImages/notes.txt").touch()
    write_mask(dataset / "Annotations/DOG2.PNG", blocks(1))
    with pytest.warns(UserWarning) as warned:
        list_batch(dataset / "JPEGImages", dataset / "Annotations", tmp_path / "out")
    messages = [str(warning.message) for warning in warned]
    assert any(re.search(r"a\.xyz: skipped", message) for message in messages)
    assert any("DOG2.PNG: not used, no video has this name" in message for message in messages)


def test_suffixes_are_case_insensitive(tmp_path):
    write_frames(tmp_path / "videos/dog", ["0"])
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks/dog.PNG", blocks(1))
    (video,) = list_batch(tmp_path / "videos", tmp_path / "masks", tmp_path / "out")
    assert video.masks == tmp_path / "masks/dog.PNG"


def test_unicode_normalization_forms_are_equivalent(tmp_path):
    write_frames(tmp_path / "JPEGImages" / COMPOSED, [COMPOSED])
    write_sequences(tmp_path / "Annotations", {DECOMPOSED: {DECOMPOSED: blocks(1)}})
    assert check(tmp_path, layout="youtube-vos").is_clean
    (video,) = list_batch(tmp_path / "JPEGImages", tmp_path / "Annotations", tmp_path / "out")
    masks = open_first_masks(video.masks, open_frames(video.frames))
    assert list(masks.files) == [0]
    assert list(mask_files(video.masks)) == [COMPOSED]
    assert child(tmp_path / "JPEGImages", DECOMPOSED) == tmp_path / "JPEGImages" / COMPOSED
    assert select_names([COMPOSED], tmp_path, videos=[DECOMPOSED]) == [COMPOSED]
    write_sequences(tmp_path / "predictions", {COMPOSED: [blocks(1)] * 4})
    write_sequences(tmp_path / "truth", {DECOMPOSED: [blocks(1)] * 4})
    result = evaluate(tmp_path / "predictions", tmp_path / "truth", "davis2017")
    assert result.overall.J_and_F == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_in_windows_encodings(tmp_path, encoding):
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    path = tmp_path / "ImageSets/2017/val.txt"
    path.write_bytes(f"dog\r\n{DECOMPOSED}\r\n".encode(encoding))
    assert list(read_names(path)) == read_image_set(tmp_path, 2017, "val") == ["dog", COMPOSED]


def test_lists_in_other_encodings_are_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.txt: is not text in UTF-8; save it as UTF-8"):
        read_names(tmp_path / "a.txt")
