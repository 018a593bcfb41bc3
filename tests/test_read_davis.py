import pytest
from frame_folders import write_frames
from mask_folders import blocks, write_sequences

from ytvos_keras.datasets.readers.davis import read_davis
from ytvos_keras.errors import InputError

SEQUENCES = ("bear", "camel", "dog")


def make_davis(root, level="480p"):
    for name in SEQUENCES:
        write_frames(root / "JPEGImages" / level / name, ["00000", "00001"])
        write_sequences(root / "Annotations" / level, {name: [blocks(1, 2)] * 2})
    for file, lines in {
        "2017/train.txt": ["dog", "bear"],
        "2016/train.txt": ["camel"],
        "480p/val.txt": [
            f"/JPEGImages/480p/bear/0000{t}.jpg /Annotations/480p/bear/0000{t}.png" for t in (0, 1)
        ],
    }.items():
        path = root / "ImageSets" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return root


def names(videos):
    return [video.name for video in videos]


def test_all_sequences(tmp_path):
    videos = read_davis(make_davis(tmp_path))
    assert names(videos) == list(SEQUENCES)
    frame = videos[0].frames[1]
    assert frame.image == tmp_path / "JPEGImages/480p/bear/00001.jpg"
    assert frame.mask == tmp_path / "Annotations/480p/bear/00001.png"
    assert videos[0].object_frames is None and not videos[0].binary


@pytest.mark.parametrize("level", ["480p", "Full-Resolution", "."])
def test_levels(tmp_path, level):
    assert names(read_davis(make_davis(tmp_path, level))) == list(SEQUENCES)


def test_splits_of_both_years(tmp_path):
    make_davis(tmp_path)
    assert names(read_davis(tmp_path, split="train")) == ["dog", "bear"]
    of_2016 = read_davis(tmp_path, year=2016, split="train")
    assert names(of_2016) == ["camel"] and of_2016[0].binary
    assert names(read_davis(tmp_path, year=2016, split="val")) == ["bear"]
    assert names(read_davis(tmp_path, split="train", exclude=["dog"])) == ["bear"]


def test_several_sources(tmp_path):
    for source in ("one", "two"):
        make_davis(tmp_path / source, ".")
    assert names(read_davis(tmp_path, exclude=["one", "two/dog"])) == ["two/bear", "two/camel"]
    with pytest.raises(InputError, match="has several data sets; for split 'val', give one"):
        read_davis(tmp_path, split="val")


def test_first_masks_only(tmp_path):
    make_davis(tmp_path)
    (tmp_path / "Annotations/480p/dog/00001.png").unlink()
    assert [frame.mask is None for frame in read_davis(tmp_path)[2].frames] == [False, True]


def test_errors(tmp_path):
    root = make_davis(tmp_path)

    def error(folder=root, **options):
        with pytest.raises(InputError) as caught:
            read_davis(folder, **options)
        return str(caught.value)

    assert error(year=2018) == "year must be 2016 or 2017. Received: 2018"
    assert "no such file, so no split 'test'; available: train" in error(split="test")
    assert error(videos=["cow"]) == f"{root}: no video 'cow'; its names look like 'bear'."
    assert error(root / "JPEGImages" / "480p").endswith(f"give {root} instead.")
    (root / "ImageSets/2017/train.txt").write_text("bear\ncow\n")
    assert error(split="train").startswith(
        f"{root}/JPEGImages/480p/cow: listed video that does not exist. Add its frames, or"
    )
    (root / "JPEGImages/480p").rename(root / "JPEGImages/1080p")
    assert error() == f"{root}/JPEGImages/480p: no such folder; the frames belong in it."
    (root / "Annotations").rename(root / "Masks")
    assert error() == f"{root}/Annotations: no such folder; the masks belong in it."


def test_missing_sequences_of_a_list_are_not_left_to_check(tmp_path):
    """`ytvos-prepare check` does not read the lists."""
    (make_davis(tmp_path) / "ImageSets/2017/train.txt").write_text("cow\nowl\n")
    with pytest.raises(InputError, match=r"cow: listed video that does not exist \(and 1") as error:
        read_davis(tmp_path, split="train")
    assert "lists them all" not in str(error.value)
