"""`export/onnx_segment.py` segments a video without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_export import tiny_onnx

from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.onnx_segmenter import OnnxSegmenter
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.media import davis_palette, read_mask

SCRIPT = Path(__file__).parents[1] / "export" / "onnx_segment.py"


def run(*arguments) -> subprocess.CompletedProcess:
    # None in `sys.modules` makes an import of TensorFlow or Keras fail.
    code = (
        "import sys, runpy\n"
        "for name in ('tensorflow', 'keras'): sys.modules[name] = None\n"
        f"sys.argv = {[str(SCRIPT), *map(str, arguments)]!r}\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.fixture
def frames(tmp_path) -> tuple[Path, Path]:
    """The first frames of the bundled clip as images, and a mask of two objects."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, (frame, mask) in enumerate(bundled_clip().frames(limit=4)):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")
        if number == 0:
            labels = mask.copy()
            labels[:40, :60] = 7
            Image.fromarray(labels).save(tmp_path / "mask.png")
    return folder, tmp_path / "mask.png"


def test_masks_match_the_package(frames, tmp_path):
    folder, mask = frames
    result = run(tiny_onnx().path, folder, "--mask", mask, "--output", tmp_path / "masks")
    assert result.returncode == 0, result.stderr
    assert "4 masks in" in result.stdout
    step = {name: tiny_onnx().path / f"{name}.onnx" for name in ("initialize", "step")}
    segmenter = OnnxSegmenter(OnnxStream(step), (64, 96), 8)
    segmenter.add_objects(read_mask(mask)[0])
    for file in sorted(folder.iterdir()):
        expected = segmenter.step(np.asarray(Image.open(file)))
        labels, palette = read_mask(tmp_path / "masks" / file.name, allow_empty=True)
        assert np.mean(labels == expected) > 0.999
    np.testing.assert_array_equal(palette[:8], davis_palette()[:8])


def test_object_that_appears_later(frames, tmp_path):
    folder, mask = frames
    (tmp_path / "masks").mkdir()
    mask.rename(tmp_path / "masks" / "00000.png")
    late = np.zeros((360, 640), np.uint8)
    late[200:260, 300:400] = 9
    Image.fromarray(late).save(tmp_path / "masks" / "00002.png")
    result = run(tiny_onnx().path, folder, "--mask", tmp_path / "masks", "--output", tmp_path / "o")
    assert result.returncode == 0, result.stderr
    labels = read_mask(tmp_path / "o" / "00002.png")[0]
    np.testing.assert_array_equal(labels[late > 0], 9)
    assert 9 not in read_mask(tmp_path / "o" / "00001.png", allow_empty=True)[0]


def test_video_file(tmp_path):
    clip = bundled_clip()
    mask = next(iter(clip.masks.values()))
    result = run(tiny_onnx().path, clip.path, "--mask", mask, "--output", tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("*.png"))) > 20


def test_frames_are_not_overwritten(frames, tmp_path):
    folder, mask = frames
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    result = run(tiny_onnx().path, folder, "--mask", mask, "--output", folder)
    assert result.returncode == 1
    assert result.stderr == f"error: {folder}: is not empty; give the name of a new folder.\n"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda mask: mask.unlink(), "mask.png: no such file or folder"),
        (lambda mask: Image.new("L", (640, 360)).save(mask), "no object in it"),
        (lambda mask: Image.new("L", (8, 8), 1).save(mask), "all frames and masks of a video must"),
        (lambda mask: Image.new("L", (640, 360), 1).save(mask, "JPEG"), "JPEG does not keep exact"),
    ],
)
def test_invalid_mask_is_one_line(frames, tmp_path, spoil, said):
    folder, mask = frames
    spoil(mask)
    result = run(tiny_onnx().path, folder, "--mask", mask, "--output", tmp_path / "masks")
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr
