import shutil

import pytest
from frame_folders import every_fifth, write_frames
from mask_folders import blocks, write_meta, write_sequences

from ytvos_keras.datasets.readers.youtube_vos import read_youtube_vos
from ytvos_keras.errors import InputError

FIFTH = every_fifth(3)


@pytest.fixture
def train(tmp_path):
    """A split with two videos of three frames; `b` has objects 1 and 4 and a single category."""
    root = tmp_path / "train"
    for name in "ab":
        write_frames(root / "JPEGImages" / name, FIFTH)
        write_sequences(
            root / "Annotations",
            {name: {f: blocks(1, *([4] if name == "b" else [])) for f in FIFTH}},
        )
    write_meta(
        root / "meta.json",
        {"a": {"1": ("cat", FIFTH)}, "b": {"1": (None, FIFTH), "4": ("dog", FIFTH[1:])}},
    )
    return root


def names(video):
    return [frame.name for frame in video.frames]


def test_objects_with_gaps_and_without_categories(train):
    a, b = read_youtube_vos(train)
    assert (a.name, b.name) == ("a", "b")
    assert a.categories == {1: "cat"} and b.categories == {4: "dog"}
    assert b.object_frames == {1: tuple(FIFTH), 4: tuple(FIFTH[1:])}
    assert names(a) == FIFTH and not a.binary
    assert a.frames[1].image == train / "JPEGImages" / "a" / "00005.jpg"
    assert a.frames[1].mask == train / "Annotations" / "a" / "00005.png"


def test_custom_data_needs_no_meta_json(train):
    (train / "meta.json").unlink()
    shutil.rmtree(train / "JPEGImages" / "a")
    write_frames(train / "JPEGImages" / "a", ["1", "2", "10"], ".png")
    shutil.rmtree(train / "Annotations" / "a")
    write_sequences(train / "Annotations", {"a": {"10": blocks(2)}})
    video = read_youtube_vos(str(train))[0]
    assert names(video) == ["1", "2", "10"]
    assert [frame.mask is None for frame in video.frames] == [True, True, False]
    assert video.categories == {} and video.object_frames is None


@pytest.mark.parametrize("place", ["train_all_frames/JPEGImages", "train/JPEGImages_all_frames"])
def test_all_frames(train, place):
    all_frames = [f"{t:05d}" for t in range(11)]
    for name in "ab":
        write_frames(train.parent / place / name, all_frames)
    video = read_youtube_vos(train, all_frames=True)[0]
    assert names(video) == all_frames
    assert [frame.name for frame in video.frames if frame.mask] == FIFTH
    assert names(read_youtube_vos(train)[0]) == FIFTH


def test_all_frames_folder_finds_its_masks(train, monkeypatch):
    folder = train.parent / "train_all_frames"
    for name in "ab":
        write_frames(folder / "JPEGImages" / name, [f"{t:05d}" for t in range(11)])
    monkeypatch.chdir(folder)
    for videos in (read_youtube_vos(folder), read_youtube_vos(".", all_frames=True)):
        assert len(videos[0].frames) == 11 and videos[0].categories == {1: "cat"}


def test_several_splits(train):
    shutil.copytree(train, train.parent / "valid")
    write_frames(train.parent / "train_all_frames" / "JPEGImages" / "a", ["00000"])
    found = read_youtube_vos(train.parent)
    assert [video.name for video in found] == ["train/a", "train/b", "valid/a", "valid/b"]
    assert [v.name for v in read_youtube_vos(train.parent, videos=["valid"])] == [
        "valid/a",
        "valid/b",
    ]
    assert [v.name for v in read_youtube_vos(train.parent, exclude=["train", "valid/b"])] == [
        "valid/a"
    ]


def test_first_masks_only(train):
    for file in (train / "Annotations").glob("*/*5.png"):
        file.unlink()
    for file in (train / "Annotations").glob("*/00010.png"):
        file.unlink()
    videos = read_youtube_vos(train)
    assert [[f.mask is not None for f in video.frames] for video in videos] == [
        [True, False, False]
    ] * 2


def test_videos_without_a_mask_are_left_out(train):
    shutil.rmtree(train / "Annotations" / "b")
    with pytest.warns(UserWarning, match=r"JPEGImages/b: left out, this video has no mask\.$"):
        assert [video.name for video in read_youtube_vos(train)] == ["a"]
    shutil.rmtree(train / "Annotations" / "a")
    with pytest.raises(InputError, match="none of 2 videos is annotated; masks belong in"):
        read_youtube_vos(train)


@pytest.mark.parametrize("listed", [True, False])
def test_empty_mask_folders_of_removed_clips_are_skipped(train, listed):
    write_meta(train / "meta.json", {"a": {}, "b": {}})
    if not listed:
        (train / "meta.json").unlink()
    (train / "Annotations" / "c").mkdir()
    (train / "Annotations" / "c" / ".DS_Store").touch()
    assert [video.name for video in read_youtube_vos(train)] == ["a", "b"]
    (train / "Annotations" / "c" / "480p").mkdir()  # may contain masks
    with pytest.raises(InputError, match=r"Annotations/c: mask without a frame, a folder"):
        read_youtube_vos(train)


def test_removed_clip_that_is_listed_is_missing(train):
    write_meta(train / "meta.json", {"a": {}, "b": {}, "c": {}})
    (train / "Annotations" / "c").mkdir()
    with pytest.raises(InputError, match=r"JPEGImages/c: listed video that does not exist"):
        read_youtube_vos(train)


def test_meta_json_may_list_unannotated_videos(train):
    write_meta(train / "meta.json", {"a": {}, "b": {}})
    assert [video.object_frames for video in read_youtube_vos(train)] == [None, None]


PLANTED = {
    "Annotations/a/00099.png: mask without a frame. Add the frame": lambda root: write_sequences(
        root / "Annotations", {"a": {"00099": blocks(1)}}
    ),
    "Annotations/c: mask without a frame, a folder": lambda root: write_sequences(
        root / "Annotations", {"c": [blocks(1)]}
    ),
    "JPEGImages/a/00005.png: two frames with the same name, beside 00005.jpg": lambda root: (
        write_frames(root / "JPEGImages" / "a", ["00005"], ".png")
    ),
    "JPEGImages/c: video that meta.json does not list": lambda root: write_frames(
        root / "JPEGImages" / "c", ["00000"]
    ),
    "JPEGImages/c: listed video that does not exist": lambda root: write_meta(
        root / "meta.json", {"a": {}, "b": {}, "c": {}}
    ),
    "JPEGImages/a/00015: frame in meta.json that does not exist, and 1 more of this video": (
        lambda root: write_meta(
            root / "meta.json", {"a": {"1": ("cat", ["00000", "00015", "00020"])}, "b": {}}
        )
    ),
    "Annotations/a/00000.jpg: mask saved as JPEG": lambda root: (
        root / "Annotations/a/00000.png"
    ).rename(root / "Annotations/a/00000.jpg"),
    "JPEGImages/c: video without a frame": lambda root: (root / "JPEGImages" / "c").mkdir(),
}


@pytest.mark.parametrize("message", PLANTED)
def test_folder_faults(train, message):
    PLANTED[message](train)
    with pytest.raises(InputError, match=f"^{train}/{message}"):
        read_youtube_vos(train)
    if "/a" not in message:  # an excluded video may have any fault
        assert len(read_youtube_vos(train, exclude=["c"])) == 2


def test_first_of_several_faults(train):
    write_sequences(train / "Annotations", {"a": {"00098": blocks(1), "00099": blocks(1)}})
    with pytest.raises(
        InputError,
        match=rf"00098.png: mask without a frame \(and 1 more\)\. .* `ytvos-prepare check {train}`",
    ):
        read_youtube_vos(train)


def test_wrong_folders(train, tmp_path):
    def error(root, **options):
        with pytest.raises(InputError) as caught:
            read_youtube_vos(root, **options)
        return str(caught.value)

    images, empty = train / "JPEGImages", tmp_path / "empty"
    empty.mkdir()
    assert error(tmp_path / "none") == f"{tmp_path}/none: no such folder."
    assert error(images) == f"{images}: no folder JPEGImages in it; give {train} instead."
    assert error(images / "a") == f"{images}/a: no folder JPEGImages in it; give {train} instead."
    assert (
        error(empty)
        == f"{empty}: no folder JPEGImages in it; give the folder that contains JPEGImages."
    )
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    train.rename(deep / "train")
    assert (
        error(tmp_path / "x") == f"{tmp_path}/x: no folder JPEGImages in it; give {deep} instead."
    )
    root = deep / "train"
    assert error(root, all_frames=True).startswith(
        f"{root}_all_frames/JPEGImages: no such folder, nor {root}/JPEGImages_all_frames;"
    )
    (root / "Annotations").rename(root / "Masks")
    assert error(root) == f"{root}/Annotations: no such folder; the masks belong in it."


def test_frames_without_a_video_folder(tmp_path):
    write_frames(tmp_path / "JPEGImages", FIFTH)
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(InputError, match="contains frames; make one folder for each video"):
        read_youtube_vos(tmp_path)


def test_broken_link_to_masks(train):
    shutil.rmtree(train / "Annotations" / "b")
    (train / "Annotations" / "b").symlink_to("/nowhere/b")
    message = f"^{train}/Annotations/b: link whose target does not exist, to /nowhere/b"
    with pytest.raises(InputError, match=message):
        read_youtube_vos(train)
    assert [video.name for video in read_youtube_vos(train, exclude=["b"])] == ["a"]


def test_suggested_check_uses_the_same_frames(train):
    (train / "JPEGImages").rename(train / "JPEGImages_all_frames")
    write_sequences(train / "Annotations", {"a": {"00098": blocks(1), "00099": blocks(1)}})
    with pytest.raises(InputError, match=f"`ytvos-prepare check {train} --all-frames` lists them"):
        read_youtube_vos(train, all_frames=True)
