import json
import shutil

import numpy as np
import pytest
from frame_folders import every_fifth, write_frames
from mask_folders import blocks, write_meta, write_sequences
from PIL import Image

pytest.importorskip("apache_beam")

from ytvos_keras.datasets.readers.youtube_vos import read_youtube_vos
from ytvos_keras.errors import InputError
from ytvos_keras.records.check import check
from ytvos_keras.records.index import read_index
from ytvos_keras.records.recorded_video import recorded_video
from ytvos_keras.records.write_records import write_records

NAMES = every_fifth(4)
SHARD = "train-00000-of-00002.tfrecord"
INDEX = "train-00000-of-00002.index.json"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Records with `cat` and `cow` in the first shard and `dog` in the second."""
    root = tmp_path_factory.mktemp("records")
    source = root / "source"
    for name in ("cat", "cow", "dog"):
        write_frames(source / "JPEGImages" / name, NAMES, size=(8, 8))
        masks = {NAMES[0]: blocks(1), NAMES[2]: blocks(1, 2)}
        write_sequences(source / "Annotations", {name: masks})
    write_meta(
        source / "meta.json",
        {name: {"1": (name, NAMES), "2": (None, NAMES[2:])} for name in ("cat", "cow", "dog")},
    )
    videos = read_youtube_vos(source)
    write_records(videos, root / "data", source="tiny", shards=2)
    return root, {video.name: video for video in videos}


@pytest.fixture
def data(finished, tmp_path):
    return shutil.copytree(finished[0] / "data", tmp_path / "data")


def found(data, **options):
    return [(fault.kind, fault.file, fault.what) for fault in check(data, **options).faults]


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def dog_or_cat(data):
    """A video of the first shard."""
    return next(video for video in read_index(data) if video.shard.name == SHARD)


def test_intact_records(data):
    report = check(data)
    assert report.faults == () and (report.videos, report.frames) == (3, 12)
    steps = []
    assert check(data, jobs=2, on_progress=lambda *step: steps.append(step)) == report
    assert steps[-1] == ("check", 12, 12)


def test_recorded_videos_return_the_source_files(finished, data):
    for recorded in read_index(data):
        source = finished[1][recorded.name]
        video = recorded_video(recorded)
        for frame, original in zip(video.frames, source.frames, strict=True):
            assert frame.name == original.name
            assert frame.image.read_bytes() == original.image.read_bytes()
            assert (frame.mask is None) == (original.mask is None)
            assert frame.mask is None or frame.mask.read_bytes() == original.mask.read_bytes()


def test_flipped_bits_in_a_frame_and_a_mask(data):
    video = dog_or_cat(data)
    flip(data / SHARD, video.images[1].offset + 30)
    flip(data / SHARD, video.masks[2].offset + 30)
    wrong = "its bytes are not those that were written (CRC-32)"
    assert found(data) == [
        ("damaged-shard", SHARD, "its SHA-256 is not the one in dataset.json"),
        ("damaged-frame", f"{SHARD}: {video.name}/00005", wrong),
        ("damaged-mask", f"{SHARD}: {video.name}/00010 mask", wrong),
    ]


def test_flipped_bit_outside_the_images(data):
    flip(data / SHARD, 3)
    assert found(data) == [
        ("damaged-shard", SHARD, "its SHA-256 is not the one in dataset.json"),
    ]


def test_truncated_shard_reports_the_lost_frames(data):
    size = (data / SHARD).stat().st_size
    last = max((v for v in read_index(data) if v.shard.name == SHARD), key=lambda v: v.images[-1])
    cut = last.images[-1].offset + 5
    (data / SHARD).write_bytes((data / SHARD).read_bytes()[:cut])
    faults = found(data)
    assert faults[0] == ("damaged-shard", SHARD, f"{cut} bytes instead of {size}")
    assert (
        "damaged-frame",
        f"{SHARD}: {last.name}/00015",
        "lies beyond the end of the shard; is it cut off?",
    ) in faults
    others = {file.partition(": ")[2].partition("/")[0] for _, file, _ in faults[1:]}
    assert others == {last.name}


def test_missing_shard_and_damaged_index(data):
    expected = json.loads((data / "dataset.json").read_text())["splits"]["train"]["shards"]
    (data / SHARD).unlink()
    assert found(data) == [
        ("damaged-shard", SHARD, f"missing, with {expected[0]['videos']} videos")
    ]
    other = expected[1]["name"].replace(".tfrecord", ".index.json")
    (data / other).write_text("{")
    kinds = [(kind, file) for kind, file, _ in found(data)]
    assert kinds == [("damaged-shard", SHARD), ("wrong-index", other)]


def test_index_that_disagrees_with_the_shard(data):
    content = json.loads((data / INDEX).read_text())
    entry = content["videos"][0]
    entry["objects"]["1"]["areas"][1] = 3
    entry["width"] = 9
    (data / INDEX).write_text(json.dumps(content))
    assert found(data) == [
        ("wrong-index", INDEX, "its SHA-256 is not the one in dataset.json"),
        ("wrong-index", f"{INDEX}: {entry['name']}", "frames are 8x8, not 8x9 (height x width)"),
        ("wrong-index", f"{INDEX}: {entry['name']}", "its objects differ from the mask of 00010"),
    ]
    content["videos"].pop()
    (data / INDEX).write_text(json.dumps(content))
    number = len(content["videos"])
    assert ("wrong-index", INDEX, f"{number} videos instead of {number + 1}") in found(data)


def test_chosen_videos(data):
    video = dog_or_cat(data)
    flip(data / SHARD, video.images[1].offset + 30)
    assert [fault[0] for fault in found(data, exclude=[video.name])] == ["damaged-shard"]
    report = check(data, videos=[video.name])
    assert report.videos == 1 and len(report.faults) == 2


def test_not_a_record_folder(data):
    (data / "dataset.json").unlink()
    with pytest.raises(InputError, match="these records are not finished; run the same"):
        check(data)
    with pytest.raises(InputError, match="not a folder of records, there is no dataset"):
        check(data.parent, layout="records")


def test_faults_in_the_images_themselves(tmp_path):
    source = tmp_path / "source"
    write_frames(source / "JPEGImages" / "cat", NAMES)
    shutil.copy(source / "JPEGImages/cat/00000.jpg", source / "JPEGImages/cat/00010.jpg")
    (source / "Annotations/cat").mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(source / "Annotations/cat/00000.png")
    write_records(read_youtube_vos(source), tmp_path / "data", source="tiny")
    shard = "train-00000-of-00001.tfrecord"
    assert found(tmp_path / "data") == [
        ("duplicate-frame", f"{shard}: cat/00010", "same as frame 00000"),
        ("no-object", "cat", ""),
    ]
