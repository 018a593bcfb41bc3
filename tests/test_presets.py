from pathlib import Path
from zipfile import ZipFile

import h5py
import keras
import numpy as np
import pytest
from models_helper import bundled_model, make_clip, small_model

import ytvos_keras
from ytvos_keras.errors import InputError


@pytest.fixture(scope="module")
def lite():
    return bundled_model()


def test_bundled_weights_track_an_object(lite):
    """A disc moving over stripes is tracked, which random weights would not do."""
    rows, columns = np.mgrid[:128, :192]
    stripes = np.where((columns // 8) % 2, 90, 140).astype("uint8")[..., None].repeat(3, axis=2)

    def scene(x):
        disc = (rows - 64) ** 2 + (columns - x) ** 2 < 28**2
        frame = stripes.copy()
        frame[disc] = (200, 60, 40)
        return frame, disc

    frames, discs = zip(*[scene(x) for x in (60, 66, 72, 78, 84)], strict=True)
    segmenter = ytvos_keras.Segmenter(lite, size=(128, 192))
    labels = list(segmenter.segment(frames, discs[0]))
    np.testing.assert_array_equal(labels[0], discs[0])
    for mask, disc in zip(labels[1:], discs[1:], strict=True):
        assert (mask & disc).sum() / (mask | disc).sum() > 0.8


def test_bundled_weights_are_small_and_half_precision():
    path = Path(ytvos_keras.__file__).parent / "assets" / "s2s-lite.weights.h5"
    assert path.stat().st_size <= 12_000_000
    with h5py.File(path) as file:
        dtypes = set()
        file.visititems(lambda _, item: dtypes.add(getattr(item, "dtype", None)))
    assert dtypes == {None, np.dtype("float16")}


def test_empty_mask_gives_finite_states(lite):
    clip = make_clip(1, 3)
    clip["mask"][:] = 0
    assert np.isfinite(lite(clip)).all()


def test_bundled_weights_accept_a_dtype():
    model = ytvos_keras.load("s2s-lite", dtype="mixed_bfloat16")
    assert model.decoder.compute_dtype == "bfloat16"


@pytest.mark.parametrize("name", ["s2s-lite", "s2s-lite-rough"])
def test_a_preset_without_weights_can_be_created(name):
    model = ytvos_keras.S2S.from_preset(name, load_weights=False)
    assert model.config == ytvos_keras.models.PRESETS[name]


def test_from_preset_loads_the_weights(lite):
    model = ytvos_keras.S2S.from_preset("s2s-lite")
    for ours, theirs in zip(model.weights, lite.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_keras_file_is_loaded(tmp_path):
    model, path = small_model("paper"), tmp_path / "mine.keras"
    model.save(path)
    copy = ytvos_keras.load(path)
    np.testing.assert_array_equal(copy(make_clip()), model(make_clip()))


def test_a_keras_file_is_loaded_in_another_precision(tmp_path):
    model, path = small_model("lite"), tmp_path / "mine.keras"
    model.trainable = False
    model.save(path)
    assert ytvos_keras.load(path).dtype_policy.name == "float32"
    copy = ytvos_keras.load(path, dtype="mixed_bfloat16")
    assert copy.decoder.compute_dtype == "bfloat16"
    assert not copy.trainable
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("s2s-huge", r"neither a preset \(s2s-vgg16, s2s-lite, s2s-lite-rough\) nor a \.keras"),
        ("nowhere/model.keras", r"nowhere/model\.keras: neither a preset"),
        ("s2s-vgg16", "s2s-vgg16: no weights are bundled with this preset; train it"),
    ],
)
def test_load_errors(name, message):
    with pytest.raises(InputError, match=message):
        ytvos_keras.load(name)


def test_not_a_model_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("no zip file")
    with pytest.raises(InputError, match=r"model\.keras: not a \.keras file, or damaged"):
        ytvos_keras.load(path)


def test_weights_without_their_network(tmp_path):
    with pytest.raises(InputError, match=r"a\.weights\.h5: contains weights without the network"):
        ytvos_keras.load(tmp_path / "a.weights.h5")


def test_archive_without_a_model(tmp_path):
    path = tmp_path / "model.keras"
    with ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no model")
    with pytest.raises(InputError, match=r"model\.keras: not a \.keras file, or damaged"):
        ytvos_keras.load(path)


def test_model_of_another_class(tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(InputError, match=r"other\.keras: contains a Sequential, not an S2S"):
        ytvos_keras.load(path)
