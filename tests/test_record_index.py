import array
import hashlib
import json
import pickle
import re
import shutil
import uuid
import zlib
from pathlib import Path

import pytest
import tensorflow as tf
from small_videos import HEIGHT, WIDTH, make_videos

from ytvos_keras.errors import InputError
from ytvos_keras.records.index import index_path, read_dataset, read_index, shard_name
from ytvos_keras.records.indexed_video import Blob, Blobs, IndexedVideo
from ytvos_keras.records.schema import parse
from ytvos_keras.records.write_records import write_records


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of records and the videos in it."""
    folder = tmp_path_factory.mktemp("made")
    videos = make_videos(folder / "source")
    write_records(videos, folder / "records", source="youtube-vos", shards=4)
    return folder / "records", videos


@pytest.fixture
def records(made, tmp_path):
    """A writable copy of the records."""
    return Path(shutil.copytree(made[0], tmp_path / "records"))


def blob(video: IndexedVideo, place) -> bytes:
    data = video.shard.read_bytes()[place.offset : place.offset + place.length]
    assert zlib.crc32(data) == place.crc32
    return data


def test_every_image_is_stored_unchanged_at_its_indexed_offset(made):
    folder, videos = made
    indexed = {video.name: video for video in read_index(folder, "train")}
    assert indexed.keys() == {video.name for video in videos}
    for video in videos:
        found = indexed[video.name]
        assert found.frame_names == tuple(frame.name for frame in video.frames)
        for frame, image, mask in zip(video.frames, found.images, found.masks, strict=True):
            assert blob(found, image) == frame.image.read_bytes()
            assert (mask is None) == (frame.mask is None)
            if mask is not None:
                assert blob(found, mask) == frame.mask.read_bytes()


def test_index_describes_the_masks(made):
    video = next(video for video in read_index(made[0]) if video.name == "v3")
    assert (video.source, video.height, video.width) == ("youtube-vos", HEIGHT, WIDTH)
    assert video.binary is False
    assert video.annotated == (0, 2)
    assert list(video.objects) == [1, 5]
    dog, other = video.objects.values()
    assert (dog.category, dog.first, dog.last, dog.areas) == ("dog", 0, 2, (80, 80))
    assert (other.category, other.first, other.last, other.areas) == (None, 2, 2, (0, 20))


def test_records_follow_the_order_of_the_index(made):
    for path in sorted(made[0].glob("*.tfrecord")):
        in_file = [
            parse(record)["name"].numpy().decode() for record in tf.data.TFRecordDataset(path)
        ]
        in_index = [video.name for video in read_index(made[0]) if video.shard == path]
        assert in_file == in_index


def test_names():
    assert shard_name("train", 3, 12) == "train-00003-of-00012.tfrecord"
    assert index_path(Path("d/val-00000-of-00001.tfrecord")) == Path(
        "d/val-00000-of-00001.index.json"
    )


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_dataset_file(folder: Path) -> None:
    shutil.rmtree(folder)
    (folder / "JPEGImages").mkdir(parents=True)


def unfinished(folder: Path) -> None:
    (folder / "dataset.json").unlink()


def cut_dataset_file(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(path.read_text()[:100])


def without_version(folder: Path) -> None:
    (folder / "dataset.json").write_text("[]")


def without_splits(folder: Path) -> None:
    (folder / "dataset.json").write_text('{"schema_version": 1}')


def splits_of_another_form(folder: Path) -> None:
    (folder / "dataset.json").write_text('{"schema_version": 1, "splits": {"train": []}}')


def shard_without_checksum(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(path.read_text().replace("sha256", "sha255"))


def shard_without_size(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(re.sub(r'("bytes": \d+)(,\s+"sha)', r'"bytes": null\2', path.read_text()))


def killed_before_the_first_shard(folder: Path) -> None:
    shutil.rmtree(folder)
    (folder / f".train.{uuid.uuid4().hex}").mkdir(parents=True)


def other_version(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2}))


def no_videos(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps({"schema_version": 1, "splits": {}}))


def missing_shard(folder: Path) -> None:
    (folder / "train-00002-of-00004.tfrecord").unlink()


def truncated_shard(folder: Path) -> None:
    path = folder / "train-00002-of-00004.tfrecord"
    path.write_bytes(path.read_bytes()[:1000])


def missing_index(folder: Path) -> None:
    (folder / "train-00001-of-00004.index.json").unlink()


def cut_index(folder: Path) -> None:
    path = folder / "train-00001-of-00004.index.json"
    path.write_text(path.read_text()[:-20])


def index_of_another_form(folder: Path) -> None:
    path = folder / "train-00001-of-00004.index.json"
    path.write_text(path.read_text().replace('"frame_names"', '"names"'))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_folder, "records: no such folder."),
        (no_dataset_file, "not a folder of records, there is no dataset.json in it; give the fold"),
        (unfinished, "these records are not finished; run the same ytvos-prepare command again."),
        (
            cut_dataset_file,
            "dataset.json: is damaged; write the records again with ytvos-prepare --overwrite.",
        ),
        (
            without_version,
            "dataset.json: is damaged; write the records again with ytvos-prepare --overwrite.",
        ),
        (
            without_splits,
            "dataset.json: is damaged; write the records again with ytvos-prepare --overwrite. (",
        ),
        (splits_of_another_form, "dataset.json: is damaged; write the records again with ytvos-pr"),
        (
            shard_without_checksum,
            "ytvos-prepare --overwrite. (splits.train.shards[0]: needs a member 'sha256'.)",
        ),
        (
            shard_without_size,
            "write the records again with ytvos-prepare --overwrite. (splits.train.shards[0].bytes",
        ),
        (killed_before_the_first_shard, "these records are not finished; run the same ytvos-prep"),
        (other_version, "dataset.json: records of schema version 2, but this version of ytvos"),
        (no_videos, "no video in these records; write the records again"),
        (missing_shard, "train-00002-of-00004.tfrecord: this shard is missing; write the records"),
        (truncated_shard, "train-00002-of-00004.tfrecord: this shard has 1000 bytes instead of "),
        (missing_index, "train-00001-of-00004.index.json: is missing; write the records again"),
        (cut_index, "train-00001-of-00004.index.json: is damaged; write the records again"),
        (index_of_another_form, "(its SHA-256 is not the one in dataset.json)"),
    ],
)
def test_faults_are_one_line(records, spoil, message):
    spoil(records)
    with pytest.raises(InputError) as error:
        read_index(records)
    assert message in str(error.value)
    assert str(records) in str(error.value)
    assert "\n" not in str(error.value)


def reseal(folder: Path, change) -> None:
    """Change the first index and update its checksum, as a knowing attacker would."""
    path = folder / "train-00000-of-00004.index.json"
    content = json.loads(path.read_text())
    change(content["videos"][0])
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text(json.dumps(content))
    dataset = folder / "dataset.json"
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    dataset.write_text(dataset.read_text().replace(before, after))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", ["v"], "videos[0].name: must be text"),
        ("height", "x", "videos[0].height: must be a whole number from 1 to"),
        ("height", 2**40, "videos[0].height: must be a whole number from 1 to"),
        ("binary", 1, "videos[0].binary: must be true or false"),
        ("frame_names", ["a"], "must have at least one frame, and an image and a mask entry"),
        ("annotated", [1, 2], "must list the frames that have a mask"),
        ("annotated", [0.0, 2.0], "annotated[0]: must be a whole number"),
        ("objects", {"255": {}}, "an object's id must be 1 to 254"),
        ("objects", {"1": []}, "videos[0].objects.1: must be an object"),
        ("images", [[0, 10, 0]] * 3 + [[10**12, 1, 0]], "points beyond the end of the shard"),
        (
            "images",
            [[0, 10, 0]] * 3 + [[0, 1.5, 0]],
            "videos[0].images[3]: must be offset, length and CRC-32 of an image",
        ),
        (
            "images",
            [[0, 10, 0]] * 3 + [None],
            "images[3]: must be offset, length and CRC-32 of an image. Received: null",
        ),
        (
            "objects",
            {"1": {"category": None, "first": 0, "last": 0, "areas": [0, 5]}},
            "object 1 must have an area in each annotated frame",
        ),
        (
            "objects",
            {"1": {"category": None, "first": 0, "last": 0, "areas": [5]}},
            "object 1 must have an area in each annotated frame",
        ),
    ],
)
def test_impossible_index_values(records, key, value, message):
    reseal(records, lambda video: video.update({key: value}))
    with pytest.raises(InputError, match=re.escape(message)):
        read_index(records)


def test_two_videos_with_one_name(records):
    other = next(video.name for video in read_index(records)[2:])
    reseal(records, lambda video: video.update(name=other))
    with pytest.raises(InputError, match=f"contains two videos named '{other}' in one split"):
        read_index(records)


@pytest.mark.parametrize("name", ["../out/x", "/x", "x", "train-1-of-2.tfrecord", "a/train-"])
def test_shards_outside_the_folder(records, name):
    path = records / "dataset.json"
    path.write_text(path.read_text().replace('"name": "train-', f'"name": "{name}train-'))
    with pytest.raises(InputError, match=r"\.name: must be the name of a shard of 'train'"):
        read_index(records)


def test_split_out_of_the_folder(records):
    path = records / "dataset.json"
    content = json.loads(path.read_text())
    (train,) = content["splits"].values()
    for shard in train["shards"]:
        shard["name"] = f"../records/{shard['name']}"
    path.write_text(json.dumps(content | {"splits": {"../records/train": train}}))
    with pytest.raises(InputError, match=r"splits\.\.\./records/train: is not the name of a split"):
        read_index(records)


def test_link_out_of_the_folder(records, tmp_path):
    shard = records / "train-00000-of-00004.tfrecord"
    outside = tmp_path / "outside.tfrecord"
    shard.rename(outside)
    shard.symlink_to(outside)
    with pytest.raises(InputError, match=r"must be a file in this folder, not a link out of it"):
        read_index(records)


def test_missing_split(made):
    with pytest.raises(InputError, match=r"no split 'val' in these records\. Available: train\."):
        read_index(made[0], "val")


def test_dataset_file(made):
    folder, _ = made
    content = read_dataset(folder)
    (entry,) = content["splits"].values()
    shards = entry.pop("shards")
    fingerprint = entry.pop("fingerprint")
    assert len(fingerprint) == 64
    assert entry == {
        "source": "youtube-vos",
        "videos": 6,
        "frames": 24,
        "annotated_frames": 12,
        "objects": 12,
        "annotations": 18,
        "categories": {"dog": 6},
        "bytes": sum(shard["bytes"] for shard in shards),
        "skipped": [],
    }
    assert [shard["name"] for shard in shards] == [shard_name("train", i, 4) for i in range(4)]
    assert [shard["videos"] for shard in shards] == [2, 2, 1, 1]
    assert str(folder.parent) not in json.dumps(content)  # no local paths


def test_blobs_are_a_sequence():
    blobs = Blobs(array.array("Q", [5, 2, 7, 0, 0, 0, 9, 1, 8]))
    assert list(blobs) == [Blob(5, 2, 7), None, Blob(9, 1, 8)]
    assert blobs[-1] == Blob(9, 1, 8)
    assert blobs[:2] == [Blob(5, 2, 7), None]
    assert blobs == (Blob(5, 2, 7), None, Blob(9, 1, 8))
    assert blobs.pictures() == (0, 2)
    assert pickle.loads(pickle.dumps(blobs)) == blobs
    with pytest.raises(IndexError):
        blobs[3]
