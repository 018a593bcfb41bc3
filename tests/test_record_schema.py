import numpy as np
import pytest
import tensorflow as tf

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError
from ytvos_keras.records import schema as record_schema
from ytvos_keras.records.schema import EncodedVideo, parse, serialize

VIDEO = EncodedVideo(
    name="source/vidéo",
    source="youtube-vos",
    height=4,
    width=6,
    binary=False,
    frame_names=("00000", "00005", "00010"),
    images=(b"jpeg 0", b"\x00\xffjpeg 1", b"jpeg 2"),
    masks=(b"png 0", None, b"png 2"),
    objects={
        2: ObjectInfo("sea turtle", 0, 2, (3, 4)),
        7: ObjectInfo(None, 2, 2, (0, 1)),
    },
)
BARE = EncodedVideo(
    name="bare",
    source="images",
    height=1,
    width=1,
    binary=True,
    frame_names=("a",),
    images=(b"jpeg",),
    masks=(None,),
    objects={},
)


def parsed(*records: bytes) -> list[dict]:
    """Parse inside `tf.data`, as readers do."""
    return list(tf.data.Dataset.from_tensor_slices(list(records)).map(parse).as_numpy_iterator())


def test_round_trip():
    record, _ = parsed(serialize(VIDEO), serialize(BARE))
    assert record["name"].decode() == "source/vidéo"
    assert record["source"] == b"youtube-vos"
    assert (record["height"], record["width"], record["binary"]) == (4, 6, 0)
    assert record["object_ids"].tolist() == [2, 7]
    assert record["categories"].tolist() == [b"sea turtle", b""]
    assert record["first_annotated"].tolist() == [0, 2]
    assert record["last_annotated"].tolist() == [2, 2]
    assert record["frame_name"].tolist() == [b"00000", b"00005", b"00010"]
    assert record["image"].tolist() == list(VIDEO.images)
    assert record["mask"].tolist() == [b"png 0", b"", b"png 2"]
    assert record["annotated"].tolist() == [True, False, True]
    assert VIDEO.annotated == (0, 2)


def test_video_without_masks_and_objects():
    (record,) = parsed(serialize(BARE))
    assert record["binary"] == 1
    assert record["object_ids"].shape == record["categories"].shape == (0,)
    assert record["mask"].tolist() == [b""]
    assert record["annotated"].tolist() == [False]


def test_eager_equals_graph():
    eager = parse(tf.constant(serialize(VIDEO)))
    (graph,) = parsed(serialize(VIDEO))
    assert eager.keys() == graph.keys()
    for key, value in eager.items():
        np.testing.assert_array_equal(value.numpy(), graph[key])


def test_serialization_is_deterministic():
    assert serialize(VIDEO) == serialize(VIDEO)


def test_images_are_contiguous_and_in_frame_order():
    record = serialize(VIDEO)
    places = [record.index(blob) for blob in (*VIDEO.images, b"png 0", b"png 2")]
    assert places == sorted(places)


def test_records_of_another_schema_version(monkeypatch):
    monkeypatch.setattr(record_schema, "SCHEMA_VERSION", 2)
    record = serialize(VIDEO)
    monkeypatch.undo()
    message = "this version of ytvos-keras reads records of schema version 1"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        parse(tf.constant(record))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        parsed(record)


def test_video_too_large_for_a_record(monkeypatch):
    monkeypatch.setattr(record_schema, "MAX_RECORD", 20)
    message = r"source/vidéo: its frames take 0.0 GB, but a record holds 2 GB at most; cut the"
    with pytest.raises(InputError, match=message):
        serialize(VIDEO)
