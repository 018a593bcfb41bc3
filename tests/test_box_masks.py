"""Boxes in place of a first mask, in files and on the command line."""

import contextlib
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.cli import segment
from ytvos_keras.errors import InputError
from ytvos_keras.inference import file_segmentation as files_module
from ytvos_keras.inference import inputs as inputs_module
from ytvos_keras.inference import mask_finder, passes, segment_files
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media import davis_palette, read_mask, write_mask

SIZE = (32, 48)
SMALL = (30, 10, 12, 6)  # left, top, width, height of an object
LARGE = (4, 4, 16, 20)
COUNT = 6


def object_in(*boxes, size=SIZE):
    mask = np.zeros(size, bool)
    for left, top, width, height in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


@pytest.fixture
def clip(tmp_path):
    """A folder of frames with two bright objects."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for i in range(COUNT):
        frame = np.full((*SIZE, 3), 100 + i, np.uint8)
        frame[object_in(SMALL, LARGE)] = 250
        Image.fromarray(frame).save(folder / f"{i:03d}.png")
    return folder


class BrightFinder:
    """A `MaskFinder` that finds what is bright in a box."""

    found = 0

    def __init__(self, model):
        pass

    def find(self, frame, trimap):
        BrightFinder.found += 1
        return (frame.min(axis=2) > 200) & (trimap > 0)


@pytest.fixture(autouse=True)
def stubs(monkeypatch):
    """No real model; the names of those that are loaded."""
    loaded = []

    def load_model(name, precision=None):
        loaded.append(name)
        return FakeModel()

    monkeypatch.setattr(files_module, "load_model", load_model)
    monkeypatch.setattr(mask_finder, "MaskFinder", BrightFinder)
    monkeypatch.setattr(BrightFinder, "found", 0)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # set by the command; monkeypatch restores it
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))
    return loaded


def run(clip, *arguments, box="3,3,18,22", output="out", code=0):
    """Run the command with a box around the large object."""
    boxes = () if box is None else ("--box", box)
    output = str(clip.parent / output)
    assert segment.main([str(clip), *boxes, *arguments, "--output", output]) == code


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.glob("*.png")}


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_boxes_on_the_command_line(clip, tmp_path, stubs, capsys):
    run(clip, "--box", "7=28,8,18,10")
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"masks    {tmp_path / 'out'} ({COUNT} PNG files)"]
    (line,) = [line for line in err.splitlines() if "boxes" in line]
    assert line.startswith(f"{tmp_path / 'out' / 'boxes' / 'first_masks.png'}: the masks found in")
    assert stubs == ["s2s-lite", "s2s-lite-rough"]
    labels, palette = read_mask(tmp_path / "out" / "boxes" / "first_masks.png")
    np.testing.assert_array_equal(labels, object_in(LARGE) + np.uint8(7) * object_in(SMALL))
    np.testing.assert_array_equal(palette, davis_palette())
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "000.png")[0], labels)
    assert names(tmp_path / "out") == [
        *(f"{i:03d}.png" for i in range(COUNT)),
        "boxes",
        "confidence.csv",
    ]


def test_found_masks_are_a_mask_file(clip, tmp_path):
    run(clip, "--quiet")
    run(clip, "--mask", str(tmp_path / "out/boxes/first_masks.png"), box=None, output="again")
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_quiet_prints_nothing(clip, capsys):
    run(clip, "--quiet")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "frame", "count"),
    [(("--mask-frame", "2"), "002", 6), (("--start", "3"), "003", 3)],
)
def test_frame_of_the_boxes(clip, tmp_path, options, frame, count):
    run(clip, *options)
    assert len(contents(tmp_path / "out")) == count
    labels, _ = read_mask(tmp_path / "out" / f"{frame}.png")
    np.testing.assert_array_equal(labels, object_in(LARGE))


def test_smaller_mask_is_on_top(clip, tmp_path):
    for order in ({1: SMALL, 2: (0, 0, 48, 32)}, {2: (0, 0, 48, 32), 1: SMALL}):
        result = segment_files(clip, order, tmp_path / f"out{[*order]}", FakeModel())
        labels, _ = read_mask(result.masks / "000.png")
        np.testing.assert_array_equal(labels == 1, object_in(SMALL))
        np.testing.assert_array_equal(labels == 2, object_in(LARGE))


def interrupt_at(monkeypatch, name):
    """Interrupt the run before it writes a mask; return a function that ends this."""
    real = passes.write_mask

    def interrupted(path, *arguments):
        if path.name == name:
            raise KeyboardInterrupt
        real(path, *arguments)

    monkeypatch.setattr(passes, "write_mask", interrupted)
    return lambda: monkeypatch.setattr(passes, "write_mask", real)


def test_resumed_equals_uninterrupted(clip, tmp_path, monkeypatch, stubs, capsys):
    run(clip, output="whole")
    end = interrupt_at(monkeypatch, "003.png")
    run(clip, code=130)
    assert names(tmp_path / "out") == [RESUME_NAME, "000.png", "001.png", "002.png", "boxes"]
    end()
    capsys.readouterr()
    stubs.clear()
    run(clip)
    assert "resuming after 3 frames of an earlier run\n" in capsys.readouterr().err
    assert stubs == ["s2s-lite"]  # the masks are not found again
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_masks_of_another_model_are_refused(clip, tmp_path, monkeypatch):
    end = interrupt_at(monkeypatch, "000.png")
    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, {1: SMALL}, tmp_path / "out", FakeModel(), box_model="a.keras")
    end()
    with pytest.raises(InputError, match=r"first_masks\.png: the masks were found by another"):
        segment_files(clip, {1: SMALL}, tmp_path / "out", FakeModel(), box_model="b.keras")
    segment_files(clip, {1: SMALL}, tmp_path / "out", FakeModel(), box_model="a.keras")
    assert BrightFinder.found == 1


def test_folder_of_an_unfinished_run_with_a_mask(clip, tmp_path, monkeypatch, capsys):
    write_mask(tmp_path / "first.png", object_in(SMALL) + np.uint8(0))
    end = interrupt_at(monkeypatch, "003.png")
    run(clip, "--mask", str(tmp_path / "first.png"), box=None, code=130)
    end()
    run(clip, code=1)
    assert "out: contains an unfinished run with other masks" in capsys.readouterr().err
    assert not (tmp_path / "out" / "boxes").exists()
    assert BrightFinder.found == 0


def test_empty_folder_of_boxes_does_not_block_a_run(clip, tmp_path):
    (tmp_path / "out" / "boxes").mkdir(parents=True)  # left by a full disk
    run(clip)


def test_file_in_place_of_the_folder_of_boxes(clip, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "boxes").write_text("")
    run(clip, "--overwrite", code=1)
    assert "boxes: is a file; remove it" in capsys.readouterr().err
    assert BrightFinder.found == 0


def test_box_with_a_negative_corner(clip, tmp_path):
    run(clip, "--box=-5,-5,30,30", box=None)
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "000.png")[0], object_in(LARGE))


def test_output_is_checked_before_a_frame_is_read(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs_module, "open_boxes", None)  # reads the frame
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="out: is not empty"):
        segment_files(clip, {1: SMALL}, tmp_path / "out", FakeModel())


def test_found_masks_that_look_like_smooth_edges(clip, tmp_path, monkeypatch):
    """In the DAVIS palette, the colours of 8 and 9 are between those of 0, 1 and each other."""
    parts = {1: (10, 4, 16, 16), 9: (10, 6, 8, 10), 8: (22, 8, 8, 8)}

    class Finder(BrightFinder):
        def find(self, frame, trimap):
            return trimap > 0

    monkeypatch.setattr(mask_finder, "MaskFinder", Finder)
    result = segment_files(clip, parts, tmp_path / "out", FakeModel())
    labels, expected = np.asarray(Image.open(result.masks / "000.png")), np.zeros(SIZE, np.uint8)
    for object_id in (1, 9, 8):
        expected[object_in(parts[object_id])] = object_id
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("again", ["box", "mask", "edited"])
def test_interrupted_before_the_first_mask(clip, tmp_path, monkeypatch, again):
    end = interrupt_at(monkeypatch, "000.png")
    run(clip, code=130)
    assert names(tmp_path / "out") == ["boxes"]
    end()
    path = tmp_path / "out" / "boxes" / "first_masks.png"
    if again == "edited":
        write_mask(path, object_in(SMALL) + np.uint8(0))
    if again == "box":
        run(clip)
    else:
        run(clip, "--mask", str(path), box=None)
    expected = object_in(SMALL if again == "edited" else LARGE)
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "000.png")[0], expected)
    assert BrightFinder.found == 1


@pytest.mark.parametrize("finished", [False, True])
def test_another_run_meanwhile(clip, tmp_path, monkeypatch, finished):
    """Its masks are found while this run searches for its own."""
    end = interrupt_at(monkeypatch, "none" if finished else "000.png")

    class Finder(BrightFinder):
        def find(self, frame, trimap):
            monkeypatch.setattr(mask_finder, "MaskFinder", BrightFinder)
            with contextlib.suppress(KeyboardInterrupt):
                segment_files(clip, {1: LARGE}, tmp_path / "out", FakeModel())
            end()
            return super().find(frame, trimap)

    monkeypatch.setattr(mask_finder, "MaskFinder", Finder)
    message = "another run has just finished" if finished else "not the masks of these boxes"
    with pytest.raises(InputError, match=message):
        segment_files(clip, {1: SMALL}, tmp_path / "out", FakeModel())
    labels, _ = read_mask(tmp_path / "out" / "boxes" / "first_masks.png")
    np.testing.assert_array_equal(labels, object_in(LARGE))


@pytest.mark.parametrize("change", ["box", "id", "frame", "video", "edited", "damaged"])
def test_changed_boxes_are_refused(clip, tmp_path, monkeypatch, stubs, capsys, change):
    end = interrupt_at(monkeypatch, "003.png")
    run(clip, code=130)
    end()
    box, options, expected = "3,3,18,22", (), object_in(LARGE)
    path = tmp_path / "out" / "boxes" / "first_masks.png"
    if change == "box":
        box, expected = "28,8,18,10", object_in(SMALL)
    elif change == "id":
        box, expected = f"5={box}", np.uint8(5) * expected
    elif change == "frame":
        options = ("--mask-frame", "1", "--direction", "both")
    elif change == "video":
        Image.fromarray(np.full((*SIZE, 3), 250, np.uint8)).save(clip / "000.png")
        expected = object_in((3, 3, 18, 22))
    elif change == "edited":
        write_mask(path, object_in(SMALL) + np.uint8(0))
    else:
        path.write_bytes(path.read_bytes()[:-20])
    before, files = path.read_bytes(), names(tmp_path / "out")
    stubs.clear()
    capsys.readouterr()
    run(clip, *options, box=box, code=1)
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: {path}: not the masks of these boxes in this frame; give another folder, or "
        "--overwrite"
    )
    assert stubs == []  # found before a model is loaded
    assert (path.read_bytes(), names(tmp_path / "out")) == (before, files)
    run(clip, *options, "--overwrite", box=box)
    np.testing.assert_array_equal(read_mask(path)[0], expected)
    first = "001.png" if change == "frame" else "000.png"
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / first)[0], expected)


def test_interrupted_overwrite_is_resumed(clip, tmp_path, monkeypatch, capsys):
    run(clip)
    end = interrupt_at(monkeypatch, "003.png")
    run(clip, "--overwrite", box="28,8,18,10", code=130)
    end()
    run(clip, box="28,8,18,10")
    assert "resuming after 3 frames" in capsys.readouterr().err
    run(clip, box="28,8,18,10", output="whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_finished_run_is_not_empty(clip, capsys):
    run(clip)
    run(clip, code=1)
    assert "out: is not empty; give another folder, or --overwrite" in capsys.readouterr().err
    run(clip, "--overwrite")


@pytest.mark.parametrize("name", ["boxes/other.png", "other/first_masks.png", "boxes"])
def test_other_files_are_not_the_masks_of_boxes(clip, tmp_path, name):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("of the user")
    with pytest.raises(InputError, match="out: is not empty"):
        segment_files(clip, {1: LARGE}, tmp_path / "out")
    assert path.read_text() == "of the user"


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ({1: LARGE, 2: (48, 0, 9, 9)}, "object 2: the box 48,0,9,9 has no pixel in the frame"),
        ({1: (3, 3, 0, 5)}, "which is 48×32 pixels; give left, top, width, height in pixels of"),
        ({}, "boxes must map ids from 1 to 254 to left, top, width, height in whole pixels."),
        ({0: LARGE}, "boxes must map ids from 1 to 254"),
        ({255: LARGE}, "boxes must map ids from 1 to 254"),
        ({1: (1, 2, 3)}, "Received: {1: (1, 2, 3)}"),
        ({1: (1.5, 2, 3, 4)}, "Received: {1: (1.5, 2, 3, 4)}"),
        ({"1": LARGE}, "boxes must map ids from 1 to 254"),
        ({1: 5}, "boxes must map ids from 1 to 254"),
    ],
)
def test_boxes_are_checked_first(clip, tmp_path, stubs, boxes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        segment_files(clip, boxes, tmp_path / "out")
    assert stubs == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ({1: LARGE, 2: (24, 0, 4, 4)}, "object 2: the mask found in the box 24,0,4,4 is empty;"),
        ({1: LARGE, 2: LARGE}, "the mask found in the box 4,4,16,20 is covered by smaller ones;"),
    ],
)
def test_masks_without_pixels(clip, tmp_path, boxes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        segment_files(clip, boxes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_frame": "6"}, "clip: has no frame '6'"),
        ({"mask_frame": "1", "start": "2"}, "a mask is given for frame 1, outside the range"),
    ],
)
def test_frame_that_does_not_exist(clip, tmp_path, options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        segment_files(clip, {1: LARGE}, tmp_path / "out", **options)


def test_video_that_ends_before_the_frame(clip, tmp_path, monkeypatch):
    source = inputs_module.open_frames(clip)
    source.count = 9  # a wrong header
    monkeypatch.setattr(inputs_module, "open_frames", lambda path, **_: source)
    with pytest.raises(InputError, match="clip: the video ends before frame 7"):
        segment_files(clip, {1: LARGE}, tmp_path / "out", mask_frame="7")


def test_box_model_and_numpy_boxes(clip, tmp_path, monkeypatch):
    """With the real finder, and a model that finds all but the left edge of a box."""
    monkeypatch.undo()
    boxes = {np.int64(3): np.array(LARGE)}
    result = segment_files(
        clip, boxes, tmp_path / "out", FakeModel(), box_model=FakeModel(scale=1.5)
    )
    labels, _ = read_mask(result.masks / "000.png")
    assert set(np.unique(labels)) == {0, 3}
    inside = object_in(LARGE)
    assert not labels[~inside].any()
    assert 0.75 < (labels > 0).sum() / inside.sum() < 1


def test_corrections_and_message_of_both_directions(clip, tmp_path, caplog):
    (tmp_path / "corrected").mkdir()
    write_mask(tmp_path / "corrected" / "004.png", object_in(SMALL) + np.uint8(0))
    caplog.set_level(logging.INFO, "ytvos_keras")
    result = segment_files(
        clip,
        {1: LARGE},
        tmp_path / "out",
        FakeModel(),
        corrections=tmp_path / "corrected",
        mask_frame="2",
    )
    assert f"{clip}: no mask for the first frame" in caplog.text
    np.testing.assert_array_equal(read_mask(result.masks / "004.png")[0], object_in(SMALL))


def test_checks_do_not_load_tensorflow(clip, tmp_path):
    arguments = [str(clip), "--box", "90,90,5,5", "--output", str(tmp_path / "out")]
    code = (
        "import sys\n"
        "from ytvos_keras.cli.segment import main\n"
        f"assert main({arguments}) == 1\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("error: object 1: the box 90,90,5,5 has no pixel in the frame")
