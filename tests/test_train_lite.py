import csv

import numpy as np
import pytest
from models_helper import SMALL, new_model
from PIL import Image

from ytvos_keras.models import PRESETS
from ytvos_keras.models.backbones import EfficientNetLite0
from ytvos_keras.training import train_lite


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    for folder in ("img", "mask"):
        (tmp_path / "pictures" / "discs" / folder).mkdir(parents=True)
    rows, columns = np.mgrid[:48, :64]
    for n in range(4):
        disc = (rows - 24) ** 2 + (columns - 20 - 6 * n) ** 2 < 15**2
        picture = generator.integers(0, 256, (48, 64, 3), "uint8")
        picture[disc] = 40 * n
        source = tmp_path / "pictures" / "discs"
        Image.fromarray(picture).save(source / "img" / f"{n}.png")
        Image.fromarray(disc.astype("uint8")).save(source / "mask" / f"{n}.png")
    return tmp_path / "pictures"


def test_a_run_goes_on_and_leaves_weights_that_load(pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "s2s-lite", SMALL["lite"])
    monkeypatch.setattr(train_lite, "_EPOCH_STEPS", 2)
    backbone = EfficientNetLite0()
    backbone.build()
    np.savez(tmp_path / "lite0.npz", *backbone.get_weights())
    output = tmp_path / "run"
    output.mkdir()

    def train(steps):
        train_lite.train(
            train_lite.parse(
                f"--pictures {pictures} --backbone-weights {tmp_path / 'lite0.npz'} "
                f"--output {output} --steps {steps} --batch-size 2 --clip-length 3 --size 32 64 "
                "--precision float32 --verbose 0".split()
            )
        )

    assert train_lite.finished_steps(output / "backup") == 0
    train(2)
    assert train_lite.finished_steps(output / "backup") == 2
    train(4)
    assert train_lite.finished_steps(output / "backup") == 4
    with (output / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    model = new_model("lite")
    model.load_weights(output / "s2s-lite.weights.h5")
    np.testing.assert_allclose(
        model.encoder.backbone.stem.get_weights()[0],
        backbone.stem.get_weights()[0].astype("float16"),
    )
