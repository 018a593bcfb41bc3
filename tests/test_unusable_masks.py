"""Every command refuses an unusable mask with one line that names it.

`ytvos-segment` accepts drawings as first masks, so a quantized drawing is usable there.
"""

from pathlib import Path

import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image, ImageDraw

from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import evaluate
from ytvos_keras.export.annotated_clips import Clip
from ytvos_keras.inference.batch import segment_batch
from ytvos_keras.inference.inputs import check_files
from ytvos_keras.inference.live import check_live
from ytvos_keras.media import write_mask
from ytvos_keras.records.check import check
from ytvos_keras.records.encode_video import encode_video

SIZE = (64, 96)
LABELS = np.zeros(SIZE, np.uint8)
LABELS[16:48, 24:60] = 1


def disc(smooth=False):
    picture = Image.new("RGB", (4 * SIZE[1], 4 * SIZE[0]))
    ImageDraw.Draw(picture).ellipse((60, 60, 200, 180), fill=(255, 0, 0))
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return picture.resize(SIZE[::-1], how)


QUANTIZED = disc().convert("P", palette=Image.Palette.ADAPTIVE)  # black is not index 0
MASKS = {
    "smooth edges": disc(smooth=True).quantize(64),
    "ids above 254": Image.fromarray(np.where(LABELS > 0, 300, 0).astype(np.uint16)),
    "smooth grey": Image.fromarray(LABELS * 255).resize((9, 6), 2).resize(SIZE[::-1], 2),
}


def segment(place: Path) -> None:
    check_files(place / "JPEGImages/a", place / "Annotations/a/000.png", place / "out")


def folder_of_masks(place: Path) -> None:
    check_files(place / "JPEGImages/a", place / "Annotations/a", place / "out")


def corrections(place: Path) -> None:
    write_mask(place / "first.png", LABELS)
    (place / "corrections").mkdir()
    (place / "Annotations/a/000.png").rename(place / "corrections/001.png")
    files = place / "JPEGImages/a", place / "first.png", place / "out"
    check_files(*files, corrections=place / "corrections")


def live(place: Path) -> None:
    check_live(place / "Annotations/a/000.png", place / "out", overwrite=False)


def batch(place: Path) -> None:
    folders = place / "JPEGImages", place / "Annotations", place / "out"
    [outcome] = segment_batch(*folders, FakeModel())
    raise InputError(outcome.error)


def prepare(place: Path) -> None:
    files = place / "JPEGImages/a/000.png", place / "Annotations/a/000.png"
    encode_video(Video("a", (Frame("000", *files),)), "a source")


def evaluated(place: Path) -> None:
    (place / "truth/a").mkdir(parents=True)
    for name in ("000", "001"):
        write_mask(place / f"truth/a/{name}.png", LABELS)
    (place / "Annotations/a/000.png").rename(place / "Annotations/a/001.png")
    evaluate(place / "Annotations", place / "truth", "youtube-vos")


def parity(place: Path) -> None:
    masks = {"000": place / "Annotations/a/000.png"}
    list(Clip("a", place / "JPEGImages/a", masks).frames())


@pytest.fixture
def place(tmp_path):
    for folder in ("JPEGImages/a", "Annotations/a"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("000", "001"):
        pixels = np.full((*SIZE, 3), 120, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"JPEGImages/a/{name}.png")
    return tmp_path


DRAWINGS = (segment, folder_of_masks, live, batch)
OTHERS = (corrections, prepare, evaluated, parity)


@pytest.mark.parametrize(
    ("command", "mask"),
    [
        *((command, mask) for command in DRAWINGS + OTHERS for mask in MASKS.values()),
        *((command, QUANTIZED) for command in OTHERS),
    ],
)
def test_refused_and_named(place, command, mask):
    mask.save(place / "Annotations/a/000.png")
    with pytest.raises(InputError, match=r"00[01]\.png: ") as error:
        command(place)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mask", [*MASKS.values(), QUANTIZED])
def test_check_reports_it(place, mask):
    mask.save(place / "Annotations/a/000.png")
    assert [fault.file for fault in check(place).faults if "000.png" in fault.file]


def test_quantized_drawing_is_a_valid_first_mask(place):
    QUANTIZED.save(place / "Annotations/a/000.png")
    files = place / "JPEGImages/a", place / "Annotations/a/000.png", place / "out"
    expected = np.asarray(disc())[..., 0] > 0
    np.testing.assert_array_equal(check_files(*files).given(0) == 1, expected)
