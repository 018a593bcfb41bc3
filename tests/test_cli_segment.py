import dataclasses
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from fake_model import FakeModel
from help_time import quick_output
from PIL import Image

from ytvos_keras.cli import segment
from ytvos_keras.inference import file_segmentation as files_module
from ytvos_keras.inference import passes
from ytvos_keras.inference.adaptation import learner
from ytvos_keras.inference.adaptation.config import ONLINE_LEARNING
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media import open_frames, read_mask, write_mask


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Arguments for a small clip; the model is a stub."""
    monkeypatch.setattr(files_module, "load_model", lambda *_: FakeModel())
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # set by the command; monkeypatch restores it
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))
    frames = tmp_path / "clip"
    frames.mkdir()
    for i in range(6):
        Image.fromarray(np.full((32, 48, 3), 100 + i, np.uint8)).save(frames / f"{i:03d}.jpg")
    mask = np.zeros((32, 48), np.uint8)
    mask[4:20, 4:20] = 1
    write_mask(tmp_path / "first.png", mask)
    return [str(frames), "--mask", str(tmp_path / "first.png"), "--output", str(tmp_path / "out")]


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys, runpy\n"
        "sys.argv = ['ytvos-segment', '--help']\n"
        "from ytvos_keras.cli.segment import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'av', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert "--mask" in quick_output(sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing: INPUT, --mask or --box, --output (or try --demo)"),
        (["clip", "--mask", "first.png"], "missing: --output"),
        (["--demo", "clip"], "--demo cannot be combined with INPUT, --mask, --box or --live"),
        (["--demo", "--mask", "a.png"], "--demo cannot be combined with INPUT, --mask, --box or"),
        (["--demo", "--box", "1,2,3,4"], "--demo cannot be combined with INPUT, --mask, --box or"),
        (["--demo", "--batch"], "--demo cannot be combined with --batch or --corrections"),
        (["clip", "--online-learning", "--online-steps", "0"], "a whole number of at least 1"),
        (["clip", "--online-learning", "dear"], "(choose from "),
        (["clip", "--online-steps", "5"], "--online-steps needs --online-learning"),
        (["clip", "--every", "0"], "must be a whole number of at least 1. Received: '0'"),
        (["clip", "--size", "256"], "must be HEIGHTxWIDTH in pixels, for example 256x448"),
        (["clip", "--size", "0x448"], "Received: '0x448'"),
        (["clip", "--format", "binary,mask"], "Received: 'mask'"),
        (["clip", "--names", "dog"], "give ID=NAME, such as 1=dog. Received: 'dog'"),
        (["clip", "--shard", "3/2"], "give I/N with I from 1 to N. Received: '3/2'"),
        (["clip", "--jobs", "2"], "--jobs and --shard need --batch"),
        (["clip", "--live", "0"], "--live cannot be combined with INPUT"),
        (["--live", "0", "--format", "binary"], "--live cannot be combined with --format"),
        (["--live", "0", "--stop", "5"], "--live cannot be combined with --stop"),
        (["--live", "0"], "missing: --mask, --output"),
        (["clip", "--batch"], "missing: --mask, --output"),
        (["--live", "0", "--demo"], "--demo cannot be combined with INPUT, --mask, --box or"),
        (["--live", "0", "--box", "1,2,3,4"], "--live cannot be combined with --box"),
        (["clip", "--box", "1,2,3,4", "--mask", "a.png"], "--box cannot be combined with --mask"),
        (["clip", "--box", "1,2,3,4", "--batch"], "cannot be combined with --mask or --batch"),
        (["clip", "--box", "1,2,3"], "--box: give LEFT,TOP,WIDTH,HEIGHT in pixels"),
        (["clip", "--box", "1,2,3,-4"], "Received: '1,2,3,-4'"),
        (["clip", "--box", "1,2,3,4", "--box", "1=5,6,7,8"], "--box: two boxes for object 1; give"),
        (["clip", "--box", "2=1,2,3,4", "--box", "5,6,7,8"], "--box: two boxes for object 2; give"),
        (["clip", "--direction", "up"], "invalid choice: 'up'"),
        (["clip", "--nonsense"], "--nonsense"),
    ],
)
def test_usage_errors_exit_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        segment.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_output_lists_the_results(inputs, tmp_path, capsys):
    assert segment.main([*inputs, "--overlay", "--size", "32x48"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"masks    {tmp_path / 'out'} (6 PNG files)",
        f"overlay  {tmp_path / 'out' / 'overlay.mp4'}",
    ]
    assert "6/6 frames" in err
    assert "frames/s" in err
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == [
        *(f"{i:03d}.png" for i in range(6)),
        "confidence.csv",
        "overlay.mp4",
    ]


def test_output_and_direction_options_are_passed_on(inputs, tmp_path, capsys):
    options = ["--format", "binary,cutout", "--names", "1=the dog", "--mask-frame", "2"]
    assert segment.main([*inputs, *options, "--contact-sheet", "--stop", "5"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[-1] for line in out.splitlines()[1:]] == [
        str(tmp_path / "out" / name) for name in ("binary", "cutout", "sheet/contact_sheet.jpg")
    ]
    assert "are also tracked backward from their masks" in err
    assert "backward" in err and "5/5 frames" in err
    masks = sorted(file.stem for file in (tmp_path / "out").glob("*.png"))
    assert masks == ["000", "001", "002", "003", "004"]


def test_corrections_and_every(inputs, tmp_path, capsys):
    (tmp_path / "corrected").mkdir()
    mask = np.zeros((32, 48), np.uint8)
    mask[20:28, 20:28] = 1
    write_mask(tmp_path / "corrected" / "003.png", mask)
    options = ["--every", "4", "--corrections", str(tmp_path / "corrected"), "--quiet"]
    assert segment.main([*inputs, *options]) == 0
    written = sorted((tmp_path / "out").glob("*.png"))
    assert [file.name for file in written] == ["000.png", "003.png", "004.png"]
    np.testing.assert_array_equal(read_mask(written[1])[0], mask)


def test_precision_is_passed_on(inputs, monkeypatch):
    seen = []
    monkeypatch.setattr(files_module, "load_model", lambda *x: seen.append(x) or FakeModel())
    assert segment.main([*inputs, "--precision", "mixed_bfloat16", "--quiet"]) == 0
    assert seen == [("s2s-lite", "mixed_bfloat16")]


def test_online_learning_is_passed_on(inputs, monkeypatch, capsys):
    seen = []

    class Learner:
        def __init__(self, model, config):
            self.model = model
            seen.append(config)

        def learn(self, learned, frame, masks, *, seed, on_progress):
            for step in (1, 2):
                on_progress(step, 2, 0.25 / step)
            return {}

        def apply(self, learned):
            pass

    monkeypatch.setattr(learner, "OnlineLearner", Learner)
    assert segment.main([*inputs, "--online-learning", "--online-steps", "7"]) == 0
    err = capsys.readouterr().err
    assert "2/2 steps  loss 0.125" in err
    assert "6/6 frames" in err
    assert segment.main([*inputs, "--overwrite", "--quiet", "--online-learning", "full"]) == 0
    assert capsys.readouterr() == ("", "")
    assert seen == [
        dataclasses.replace(ONLINE_LEARNING["cheap"], steps=7),
        ONLINE_LEARNING["full"],
    ]


def test_quiet_prints_nothing(inputs, capsys):
    assert segment.main([*inputs, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_errors_are_one_line_and_exit_1(inputs, tmp_path, capsys):
    inputs[2] = str(tmp_path / "absent.png")
    assert segment.main(inputs) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"error: {tmp_path / 'absent.png'}: no such file or folder.\n")


def test_full_disk_is_one_line(inputs, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device", "000.png")

    monkeypatch.setattr(passes, "write_mask", fail)
    assert segment.main([*inputs, "--quiet"]) == 1
    assert capsys.readouterr().err == "error: [Errno 28] No space left on device: '000.png'\n"


def test_unexpected_error_keeps_its_traceback(inputs, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(passes, "write_mask", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        segment.main(inputs)


def test_existing_output(inputs, capsys):
    assert segment.main([*inputs, "--quiet"]) == 0
    assert segment.main([*inputs, "--quiet"]) == 1
    assert "is not empty; give another folder, or --overwrite" in capsys.readouterr().err
    assert segment.main([*inputs, "--quiet", "--overwrite"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_resumed(inputs, tmp_path, monkeypatch, capsys, number):
    real = passes.write_mask

    def killed(path, *args):
        if path.name == "003.png":
            os.kill(os.getpid(), number)
        real(path, *args)

    monkeypatch.setattr(passes, "write_mask", killed)
    assert segment.main(inputs) == 130
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == (
        "interrupted: run the same command again to resume after the last mask written"
    )
    left = sorted(f.name for f in (tmp_path / "out").iterdir())
    assert left == [RESUME_NAME, "000.png", "001.png", "002.png"]
    monkeypatch.setattr(passes, "write_mask", real)
    assert segment.main(inputs) == 0
    assert "resuming after 3 frames of an earlier run\n" in capsys.readouterr().err
    assert not (tmp_path / "out" / RESUME_NAME).exists()
    assert len(list((tmp_path / "out").glob("*.png"))) == 6


def test_interrupted_backward_pass_can_be_resumed(inputs, monkeypatch, capsys):
    real = passes.write_mask

    def interrupt(path, *args):
        if path.name == "001.png":
            raise KeyboardInterrupt
        real(path, *args)

    monkeypatch.setattr(passes, "write_mask", interrupt)
    assert segment.main([*inputs, "--mask-frame", "3"]) == 130
    assert "run the same command again to resume" in capsys.readouterr().err


def test_interrupted_before_there_is_anything_to_resume(inputs, tmp_path, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(passes, "write_mask", interrupt)
    assert segment.main(inputs) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert not list((tmp_path / "out").iterdir())


def test_warnings_are_one_line(inputs, tmp_path, capsys):
    mask = np.zeros((32, 48), np.uint8)
    mask[3, 3] = 1
    write_mask(tmp_path / "first.png", mask)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert segment.main([*inputs, "--quiet", "--size", "8x8"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: object 1 (1 pixels) vanishes at the working size 8x8; use a")


def test_demo_runs_on_the_bundled_clip(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert segment.main(["--demo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "masks    ytvos-demo (88 PNG files)",
        f"overlay  {Path('ytvos-demo', 'overlay.mp4')}",
    ]
    label_map, _ = read_mask(tmp_path / "ytvos-demo" / "00000.png")
    assert label_map.shape == (360, 640)
    assert label_map.sum() == 33575  # the hand-drawn mask
    overlay = open_frames(tmp_path / "ytvos-demo" / "overlay.mp4")
    assert (overlay.count, overlay.fps, overlay.size) == (88, 25, (360, 640))


def test_demo_reruns_but_keeps_a_folder_of_the_user(inputs, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "00000.png").write_text("precious")
    assert segment.main(["--demo", "--output", str(tmp_path / "mine")]) == 1
    assert "is not empty" in capsys.readouterr().err
