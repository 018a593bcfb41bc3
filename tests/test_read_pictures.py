import pytest
from frame_folders import write_frames
from mask_folders import blocks, write_sequences

from ytvos_keras.datasets.readers.pictures import list_pictures_with_masks, read_pictures
from ytvos_keras.errors import InputError


def make_source(source, stems=("x2", "x10")):
    write_frames(source / "img", stems)
    write_sequences(source, {"mask": {stem: blocks(1) for stem in stems}})
    return source


def names(videos):
    return [video.name for video in videos]


def test_each_image_is_a_one_frame_video(tmp_path):
    videos = read_pictures(make_source(tmp_path / "cats"))
    assert names(videos) == ["cats/x2", "cats/x10"]
    (frame,) = videos[1].frames
    assert frame.name == "x10"
    assert frame.image == tmp_path / "cats/img/x10.jpg"
    assert frame.mask == tmp_path / "cats/mask/x10.png"


def test_sources_and_selection(tmp_path):
    make_source(tmp_path / "cats")
    make_source(tmp_path / "dogs", ["a"])
    assert names(read_pictures(tmp_path)) == ["cats/x2", "cats/x10", "dogs/a"]
    assert names(read_pictures(tmp_path, exclude=["cats"])) == ["dogs/a"]
    assert names(read_pictures(tmp_path, videos=["cats/x2", "dogs"])) == ["cats/x2", "dogs/a"]


def test_fault_of_a_decomposed_name_counts_once(tmp_path):
    """macOS writes u and a combining diaeresis."""
    stem = "u\u0308"
    write_frames(tmp_path / "img", [stem])
    write_frames(tmp_path / "mask", [stem])  # JPEGs
    assert [fault.kind for fault in list_pictures_with_masks(tmp_path).faults] == ["jpeg-mask"]


def test_path_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(make_source(tmp_path / "cats"))
    assert names(read_pictures(".")) == ["cats/x2", "cats/x10"]


def test_errors(tmp_path):
    cats = make_source(tmp_path / "cats")

    def error(folder):
        with pytest.raises(InputError) as caught:
            read_pictures(folder)
        return str(caught.value)

    assert error(cats / "img") == f"{cats}/img: no folder img in it; give {cats} instead."
    (cats / "mask/x2.png").rename(cats / "mask/x3.png")
    assert error(cats).startswith(f"{cats}/mask/x2.png: frame whose mask is missing (and 1 more).")
    assert names(read_pictures(cats, exclude=["cats/x2", "cats/x3"])) == ["cats/x10"]
    (cats / "mask/x3.png").rename(cats / "mask/x2.png")
    (cats / "mask/x4.png").touch()
    assert error(cats).startswith(f"{cats}/mask/x4.png: mask without a frame.")
    for file in cats.glob("*/*"):
        file.unlink()
    assert error(cats) == f"{cats}: no images (JPEG or PNG) in the folder img."
