"""TensorFlow's errors about damaged data become one line."""

import hashlib
import zlib

import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from records import make_video, moving_squares, write_records

from ytvos_keras.data.make_dataset import make_dataset
from ytvos_keras.errors import InputError
from ytvos_keras.records.index import DATASET_FILE, index_path, read_index
from ytvos_keras.training.data_errors import name_data_errors
from ytvos_keras.training.dry_run import dry_run


def break_a_jpeg(shard):
    """Replace the bytes of a JPEG with noise, and update every checksum to match."""
    (video,) = read_index(shard.parent)
    blob = video.images[3]
    data = bytearray(shard.read_bytes())
    place = slice(blob.offset, blob.offset + blob.length)
    picture = data[place]
    start = picture.index(b"\xff\xda") + 14
    picture[start:-2] = np.random.default_rng(0).bytes(len(picture) - start - 2)
    data[place] = picture
    shard.write_bytes(data)
    index, dataset = index_path(shard), shard.parent / DATASET_FILE
    before = index.read_text()
    after = before.replace(str(blob.crc32), str(zlib.crc32(picture)))
    index.write_text(after)
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (before, after)]
    dataset.write_text(dataset.read_text().replace(*digests))


@pytest.fixture
def undecodable(tmp_path):
    rng = np.random.default_rng(0)
    frames, masks = rng.integers(0, 256, (8, 64, 96, 3), "uint8"), np.zeros((8, 64, 96), "uint8")
    masks[:, 10:40, 10:40] = 1
    write_records([make_video("noise", frames, masks, form="JPEG")], tmp_path, shards=1)
    (shard,) = tmp_path.glob("*.tfrecord")
    break_a_jpeg(shard)
    return shard


def test_undecodable_jpeg_is_reported(undecodable, capfd):
    clips = make_dataset(undecodable.parent, clip_length=4, size=(32, 64), batch_size=2)
    with pytest.raises(InputError) as error, name_data_errors():
        for _ in clips.take(20):
            pass
    assert str(error.value).startswith(f"{undecodable}: noise/00003: TensorFlow cannot decode it; ")
    assert len(str(error.value).splitlines()) == 1


def test_on_corrupt_raise_gives_one_line(tmp_path):
    records = write_records(moving_squares(3), tmp_path, shards=3)
    shard = min(tmp_path.glob("*.tfrecord"))
    data = shard.read_bytes()
    shard.write_bytes(data.replace(b"IDAT", b"IDAX"))
    clips = make_dataset(records, clip_length=4, size=(32, 64), batch_size=2, on_corrupt="raise")
    with pytest.raises(InputError) as error, name_data_errors():
        for _ in clips.take(20):
            pass
    assert str(error.value).startswith(f"{shard}: square")
    assert str(error.value).endswith("on_corrupt='skip' leaves them out.")


def test_other_tensorflow_errors_are_unchanged():
    with pytest.raises(tf.errors.InvalidArgumentError), name_data_errors():
        tf.reshape(tf.zeros(3), (2, 2))


def test_dry_run_reports_bad_data(tmp_path, monkeypatch):
    tiny_training.use_tiny_net(monkeypatch.setattr)
    records = write_records(moving_squares(1), tmp_path, shards=1)
    (shard,) = tmp_path.glob("*.tfrecord")
    shard.write_bytes(shard.read_bytes().replace(b"IDAT", b"IDAX"))
    with pytest.raises(InputError, match=r"^\d+ attempts gave no clip without damaged frames"):
        dry_run(tiny_training.RECIPE, str(records))
