"""TensorBoard event files: their content, and that logging does not change the run."""

import csv
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from PIL import Image
from records import moving_squares, write_records

from ytvos_keras.training import tensorboard_log
from ytvos_keras.training.event_file import write_events
from ytvos_keras.training.tensorboard_log import draw_prediction
from ytvos_keras.training.train import train


def read(folder):
    """Map each step to its scalars and images, over all event files."""
    found = {}
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.file_version:
                assert event.file_version == "brain.Event:2"
                continue
            assert event.step not in found
            found[event.step] = {
                value.tag: value.simple_value
                if not value.HasField("image")
                else decode(value.image)
                for value in event.summary.value
            }
    return found


def decode(image):
    picture = Image.open(io.BytesIO(image.encoded_image_string))
    assert picture.size == (image.width, image.height)
    return picture


def run(output, records):
    return train(tiny_training.RECIPE, {str(records): 1.0}, output)


@pytest.mark.slow
def test_logging_does_not_change_the_run(tmp_path, monkeypatch):
    tiny_training.use_tiny_net(monkeypatch.setattr)
    tiny_training.run_eagerly(tiny_training.TinyNet, monkeypatch.setattr)
    records = tmp_path / "records"
    records.mkdir()
    write_records(moving_squares(), records)
    files = run(tmp_path / "watched", records)
    events = read(files.tensorboard)
    with files.log.open() as file:
        log = list(csv.DictReader(file))
    assert list(events) == [int(line["step"]) for line in log] == [2, 4, 6]
    for line, values in zip(log, events.values(), strict=True):
        for name in ("loss", "J"):
            assert values[f"training/{name}"] == pytest.approx(float(line[name]), rel=1e-6)
        assert values["training/learning_rate"] == pytest.approx(0.01)
        assert values["training/clips_per_second"] > 0
        pictures = [name for name in values if name.startswith("predictions/")]
        assert pictures == [f"predictions/clip_{n}" for n in (1, 2, 3)]
        assert values[pictures[0]].size == (2 * (64 + 4), 2 * (32 + 4))
    for name in ("on_test_end", "on_epoch_end"):
        monkeypatch.setattr(tensorboard_log.LogToTensorBoard, name, lambda *_: None)
    unwatched = run(tmp_path / "unwatched", records)
    assert not unwatched.tensorboard.exists()
    weights = [keras.saving.load_model(made.last).get_weights() for made in (files, unwatched)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_true_masks_are_above_predicted_ones():
    frames = np.full((1, 8, 16, 24, 3), 200, np.uint8)
    masks = np.zeros((1, 8, 16, 24, 1), np.uint8)
    masks[:, :, 4:12, 2:10] = 1
    weights = np.ones((1, 7), np.float32)
    weights[0, -1] = 0  # not annotated
    predicted = np.zeros((1, 7, 16, 24, 1))
    predicted[:, :, :, 20:] = 1
    clip = {"frames": frames, "mask": masks[:, 0]}, masks[:, 1:].astype("float32"), weights
    picture = np.array(draw_prediction(lambda inputs, training: tf.constant(predicted), clip))
    cells = picture.reshape(2, 20, 5, 28, 3).transpose(0, 2, 1, 3, 4)[:, :, :16, :24]
    tinted = (np.ptp(cells.astype(int), axis=-1) > 20).astype(int)
    np.testing.assert_array_equal(tinted[0, :4], masks[0, :4, ..., 0])
    np.testing.assert_array_equal(tinted[1, 0], masks[0, 0, ..., 0])  # the given mask
    np.testing.assert_array_equal(tinted[1, 1:], predicted[0, :4, ..., 0])
    assert (cells[0, 4, 0, 0] != 200).all() and (cells[1, 4, 0, 0] == 200).all()  # greyed out


def test_repeated_step_is_logged_once(tmp_path):
    picture = Image.new("RGB", (2000, 100))
    for loss in (3.0, 2.0):
        write_events(tmp_path, 200, {"training/loss": loss}, {})
    write_events(tmp_path, 400, {"training/loss": 1.0}, {"wide": picture})
    events = read(tmp_path)
    assert events[200] == {"training/loss": 2.0}
    assert events[400]["wide"].size == (1280, 64)
    assert len(list(tmp_path.iterdir())) == 2
