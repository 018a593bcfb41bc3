import csv

import numpy as np
import tensorflow as tf
from models_helper import SMALL, make_clip, new_model

from ytvos_keras.models import PRESETS
from ytvos_keras.models.backbones import EfficientNetLite0
from ytvos_keras.training import train_lite


def arguments(folder, steps, *more):
    return train_lite.parse(
        f"--pictures {folder / 'pictures'} --backbone-weights {folder / 'lite0.npz'} "
        f"--output {folder} --steps {steps} --batch-size 2 --precision float32 --verbose 0".split()
        + list(more)
    )


def batches(*_):
    clip = make_clip(batch=2, length=3, height=32, width=64)
    targets = np.repeat(clip["mask"][:, None], 2, axis=1).astype("float32")
    element = (clip, targets, np.ones((2, 2), "float32"))
    return tf.data.Dataset.from_tensors(element).repeat()


def test_a_run_goes_on_and_leaves_weights_that_load(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "s2s-lite", SMALL["lite"])
    monkeypatch.setattr(train_lite, "_EPOCH_STEPS", 2)
    starts = []
    monkeypatch.setattr(
        train_lite, "make_clips", lambda _, start: starts.append(start) or batches()
    )
    backbone = EfficientNetLite0()
    backbone.build()
    np.savez(tmp_path / "lite0.npz", *backbone.get_weights())
    train_lite.train(arguments(tmp_path, 2))
    train_lite.train(arguments(tmp_path, 4))
    assert starts == [0, 4]  # clips: two steps of two
    with (tmp_path / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    model = new_model("lite")
    model.load_weights(tmp_path / "s2s-lite.weights.h5")
    np.testing.assert_allclose(
        model.encoder.backbone.stem.get_weights()[0],
        backbone.stem.get_weights()[0].astype("float16"),
    )


def test_real_clips_are_a_share_of_the_stream(tmp_path, monkeypatch):
    """Each stream counts its own clips: where it starts, and when teacher forcing ends."""
    asked = {}

    def stream(name, value):
        def make(root, **options):
            asked[name] = (root.name, options["start"], options["teacher_clips"])
            return tf.data.Dataset.from_tensors(value).repeat()

        return make

    monkeypatch.setattr(train_lite, "make_synthetic_dataset", stream("synthetic", 0.0))
    monkeypatch.setattr(train_lite, "make_video_clips_dataset", stream("real", 1.0))
    options = ["--videos", str(tmp_path / "videos"), "--video-share", "0.25"]
    mixed = train_lite.make_clips(arguments(tmp_path, 600, *options), start=100)
    assert asked == {"synthetic": ("pictures", 75, 300), "real": ("videos", 25, 100)}
    share = np.mean([batch.numpy() for batch in mixed.take(500)])
    assert 0.2 < share < 0.3
