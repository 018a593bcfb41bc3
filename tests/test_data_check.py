import json
import shutil

import pytest
from faulty_data import (
    JPG,
    cut_off,
    found,
    make_data,
    plant_orphan,
    plant_unknown_ids,
    rewrite,
    save_mask,
)
from frame_folders import picture, write_frames
from mask_folders import blocks

from ytvos_keras.datasets.check.check_videos import check_videos
from ytvos_keras.datasets.layouts import find_layout
from ytvos_keras.datasets.readers.youtube_vos import read_youtube_vos
from ytvos_keras.errors import InputError
from ytvos_keras.records.check import check


@pytest.fixture
def root(tmp_path):
    return make_data(tmp_path / "train")


def test_several_processes_give_the_same_report(root):
    cut_off(root)
    plant_unknown_ids(root)
    shutil.copytree(root / "JPEGImages/dog", root / "JPEGImages/cat", dirs_exist_ok=True)
    alone, steps = check(root), []
    both = check(root, jobs=2, on_progress=lambda *step: steps.append(step))
    assert alone == both and len(alone.faults) > 2
    assert steps == [("check", 4, 8), ("check", 8, 8)]
    with pytest.raises(InputError, match=r"jobs must be at least 1\. Received: 0"):
        check(root, jobs=0)


def test_layouts_and_selection(root, tmp_path):
    for folder in ("img", "mask"):
        (tmp_path / "pictures" / "cats" / folder).mkdir(parents=True)
    pictures = tmp_path / "pictures"
    picture(0).save(pictures / "cats/img/a.jpg")
    picture(0).save(pictures / "cats/img/b.jpg")
    save_mask(pictures, blocks(), "cats/mask/a.png")
    assert found(pictures) == [
        ("missing-mask", "cats/mask/b.png", ""),
        ("no-object", "cats/a", ""),
        ("shared-frames", "cats/b", "the same image as cats/a"),
    ]
    assert found(pictures, exclude=["cats/a"]) == [("missing-mask", "cats/mask/b.png", "")]
    davis = tmp_path / "davis"
    for folder in ("JPEGImages", "Annotations"):
        shutil.copytree(root / folder / "dog", davis / folder / "480p" / "dog")
    rewrite(davis / "JPEGImages/480p/dog/00000.jpg", lambda data: b"")
    assert found(davis) == [("damaged-frame", "JPEGImages/480p/dog/00000.jpg", "empty file")]
    with pytest.raises(InputError, match="not a data set in a known layout; expected folders JP"):
        check(tmp_path / "davis" / "JPEGImages" / "480p")
    with pytest.raises(InputError, match="layout must be one of youtube-vos, davis, images"):
        check(davis, layout="coco")


def test_own_folders_decide_the_layout(root):
    (root / "JPEGImages/img").mkdir()  # a video with this name
    assert find_layout(root) == "youtube-vos"
    assert find_layout(root.parent) == "youtube-vos"
    (root / "toys/img").mkdir(parents=True)
    assert find_layout(root) == "youtube-vos"
    assert find_layout(root / "toys") == "images"


def test_all_frames(root):
    for name in ("cat", "dog"):
        frames = root / "JPEGImages_all_frames" / name
        write_frames(frames, [f"{t:05d}" for t in range(16)])
    rewrite(frames / "00001.jpg", lambda data: b"")
    assert found(root) == []
    broken = ("damaged-frame", "JPEGImages_all_frames/dog/00001.jpg", "empty file")
    assert found(root, all_frames=True) == [broken]
    with pytest.raises(InputError, match="all_frames is only for the layout youtube-vos"):
        check(root, layout="davis", all_frames=True)


def test_videos_of_any_reader(root):
    cut_off(root)
    videos = read_youtube_vos(root)
    assert [fault.file for fault in check_videos(videos, root=root).faults] == [JPG]
    elsewhere = check_videos(videos, root=root / "JPEGImages" / "cat").faults
    assert [fault.file for fault in elsewhere] == [str(root / JPG)]


def test_unreadable_files(root):
    (root / JPG).unlink()
    (root / JPG).symlink_to(root / "nowhere.jpg")
    videos = read_youtube_vos(root, videos=["cat"])
    (root / "JPEGImages/cat/00000.jpg").unlink()
    (fault,) = check_videos(videos, root=root).faults
    assert (fault.kind, fault.what) == (
        "damaged-frame",
        "cannot be read: No such file or directory",
    )


def test_no_videos(tmp_path):
    for name in ("JPEGImages", "Annotations"):
        (tmp_path / name).mkdir()
    with pytest.raises(
        InputError, match="contains no video; each must be a folder of frames in JP"
    ):
        check(tmp_path)


def test_text_and_json(root):
    plant_orphan(root)
    cut_off(root)
    report = check(root)
    assert report.lines() == [
        "damaged-frame (1): frame that cannot be decoded completely. Replace it, or leave the "
        "video out (--exclude).",
        f"  {JPG}  cut off, its end marker is missing",
        "annotation-without-frame (1): mask without a frame. Add the frame, or move the mask away.",
        "  Annotations/dog/00007.png",
        f"{root}: 2 faults (1 can be repaired: --fix) in 2 videos, 8 frames",
    ]
    content = json.loads(json.dumps(report.to_dict()))
    assert (content["videos"], content["frames"], content["clean"]) == (2, 8, False)
    assert content["faults"][1] == {
        "kind": "damaged-frame",
        "file": JPG,
        "what": "cut off, its end marker is missing",
        "fix": "Replace it, or leave the video out (--exclude).",
        "repair": None,
        "note": False,
    }
