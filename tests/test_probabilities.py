"""Probabilities from a Segmenter, and as files.

The fake model moves an object one pixel to the right per step, with a probability of 0.9.
"""

import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter, passes, segment_files
from ytvos_keras.inference.probability_files import write_probability
from ytvos_keras.media import read_mask, write_mask

SIZE = (32, 48)
COUNT = 6


def bar(column, value=1, row=0):
    mask = np.zeros(SIZE, np.uint8)
    mask[row : row + 4, column] = value
    return mask


def read_probability(path):
    with Image.open(path) as image:
        assert image.mode.startswith("I")  # 16 bits
        return np.asarray(image).astype(np.float32) / 65535


def frame(index):
    return np.full((*SIZE, 3), 100 + 10 * index, np.uint8)


@pytest.fixture
def clip(tmp_path):
    """Six frames, and a mask of objects 2 and 5 for frame 2."""
    (tmp_path / "clip").mkdir()
    (tmp_path / "masks").mkdir()
    for index in range(COUNT):
        Image.fromarray(frame(index)).save(tmp_path / "clip" / f"{index:03d}.png")
    write_mask(tmp_path / "masks" / "002.png", bar(20, 2) + bar(30, 5, row=10))
    return tmp_path


def run(place, name="out", **options):
    files = place / "clip", place / "masks", place / name
    return segment_files(*files, FakeModel(), formats=("probabilities",), **options)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_segmenter_probabilities():
    segmenter = Segmenter(FakeModel())
    assert segmenter.probabilities == {}
    segmenter.add_object(bar(10), 3)
    segmenter.step(frame(0))
    np.testing.assert_array_equal(segmenter.probabilities[3], bar(10))
    segmenter.add_object(bar(11), 4)  # overlaps object 3 in the next frame
    segmenter.step(frame(1))
    maps = segmenter.probabilities
    assert maps[3].dtype == np.float32 and not maps[3].any()
    np.testing.assert_array_equal(maps[4], bar(11))
    segmenter.step(frame(2))
    maps = segmenter.probabilities
    np.testing.assert_allclose(maps[3], 0.9 * bar(12), rtol=1e-6)
    np.testing.assert_allclose(maps[4], 0.9 * bar(12), rtol=1e-6)
    segmenter.remove_object(3)
    assert list(segmenter.probabilities) == [4]
    segmenter.reset()
    assert segmenter.probabilities == {}


def test_at_native_size():
    """The label map is the argmax over 0.5 and the probabilities, also after resizing."""
    segmenter = Segmenter(FakeModel(scale=0.8), size=(16, 24))
    random = np.random.default_rng(0).random((67, 101)) > 0.5
    segmenter.add_object(random)
    segmenter.step(np.full((67, 101, 3), 100, np.uint8))
    labels = segmenter.step(np.full((67, 101, 3), 100, np.uint8))
    probability = segmenter.probabilities[1]
    assert probability.shape == labels.shape and 0 < probability.max() <= 1
    np.testing.assert_array_equal(labels, probability > 0.5)


def test_png_round_trip(tmp_path):
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    write_probability(tmp_path / "a.png", values)
    np.testing.assert_allclose(read_probability(tmp_path / "a.png"), values, atol=1 / 65535)


@pytest.mark.parametrize(
    ("direction", "columns"),
    [
        ("both", [22, 21, 20, 21, 22, 23]),
        ("forward", [None, None, 20, 21, 22, 23]),
        ("backward", [22, 21, 20, None, None, None]),
    ],
)
def test_files(clip, direction, columns):
    result = run(clip, direction=direction, names={2: "a dog"})
    folder = clip / "out" / "probabilities"
    assert result.outputs == {"probabilities": folder}
    assert sorted(path.name for path in folder.iterdir()) == ["2_a_dog", "5"]
    for index, column in enumerate(columns):
        name = f"{index:03d}.png"
        expected = np.zeros(SIZE) if column is None else bar(column)
        expected = expected * (1 if index == 2 else 0.9)
        found = read_probability(folder / "2_a_dog" / name)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        labels, _ = read_mask(clip / "out" / name, allow_empty=True)
        np.testing.assert_array_equal(labels == 2, found > 0.5)
        np.testing.assert_array_equal(labels == 5, read_probability(folder / "5" / name) > 0.5)


def test_interrupted_and_resumed(clip, monkeypatch):
    run(clip, "whole")
    calls = []

    def write(*arguments):
        calls.append(arguments)
        if len(calls) == 5:  # in the forward pass, after three masks of the backward pass
            raise KeyboardInterrupt
        write_mask(*arguments)

    monkeypatch.setattr(passes, "write_mask", write)
    with pytest.raises(KeyboardInterrupt):
        run(clip)
    monkeypatch.undo()
    with pytest.raises(InputError, match="unfinished run with other frames, masks, model or opt"):
        segment_files(clip / "clip", clip / "masks", clip / "out", FakeModel())
    assert run(clip).resumed_from == 1
    assert contents(clip / "out") == contents(clip / "whole")
