"""`ytvos-bench evaluation` at a tiny size. No timings are asserted."""

import json
import subprocess
import sys

import numpy as np
import official_formulas
import pytest
from awkward_masks import pairs

from ytvos_keras.bench import evaluation
from ytvos_keras.bench.moving_objects import write_sequences
from ytvos_keras.bench.plain_evaluation import plain_evaluation
from ytvos_keras.cli.bench import main
from ytvos_keras.media.masks import read_mask, write_mask

TINY = ["evaluation", "--sequences", "3", "--frames", "5", "--size", "48x64", "--quiet"]


def test_evaluation(tmp_path, capsys):
    path = tmp_path / "evaluation.json"
    # 3 sequences with 11 scored frames: just enough for a second process.
    assert main([*TINY, "--frames", "13", "--jobs", "2", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    content = json.loads(path.read_text())
    assert content["settings"]["size"] == [48, 64]
    assert content["settings"]["objects"] == 1 + 2 + 3
    assert content["settings"]["largest_difference"] < 1e-9
    reference, one, two = content["rows"]
    names = [row["evaluation"] for row in (reference, one, two)]
    assert names == [
        "plain OpenCV, 1 process",
        "ytvos_keras.evaluate, 1 process",
        "ytvos_keras.evaluate, 2 processes",
    ]
    assert content["ratio"] == pytest.approx(reference["median_s"] / two["median_s"])
    assert f"{content['ratio']:.2f} times as fast" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 80


def test_processes_are_those_that_start(tmp_path):
    path = tmp_path / "evaluation.json"
    assert main([*TINY, "--jobs", "4", "--json", str(path)]) == 0
    names = [row["evaluation"] for row in json.loads(path.read_text())["rows"]]
    assert names == ["plain OpenCV, 1 process", "ytvos_keras.evaluate, 1 process"]


def test_different_scores_are_not_timed(monkeypatch):
    monkeypatch.setattr(evaluation, "TOLERANCE", -1)
    with pytest.raises(RuntimeError, match="must agree to -1 before their speed is compared"):
        main([*TINY, "--jobs", "1"])


def test_different_objects_are_not_compared():
    with pytest.raises(RuntimeError, match="ours and plain OpenCV, 1 process must score the same"):
        evaluation._largest_difference({evaluation.REFERENCE: {("a", 1): {}}, "ours": {}})


def test_two_frames_leave_nothing_to_score(capsys):
    assert main([*TINY, "--frames", "2"]) == 1
    message = "--frames must be at least 3, as the first and the last are not scored. Received: 2"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("library", ["cv2", "skimage"])
def test_missing_library_error_gives_the_remedy(library, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, library, None)
    assert main(TINY) == 1
    remedy = "run: pip install 'ytvos-keras[bench]'"
    error = f"error: the plain evaluation needs {library}; {remedy}\n"
    assert capsys.readouterr().err == error


def test_runs_without_tensorflow():
    code = (
        "import sys; from ytvos_keras.cli.bench import main;"
        f"assert main({[*TINY, '--jobs', '1']}) == 0; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_reference_follows_the_formulas(tmp_path):
    predictions, truth = tmp_path / "predictions", tmp_path / "truth"
    masks = [pair for pair in pairs(np.random.default_rng(0), 400) if pair[0].shape == (16, 24)]
    masks = masks[: len(masks) // 2]
    masks[0] = masks[0][0], np.ones((16, 24), bool)  # the first frame defines the object ids
    for n, pair in enumerate(masks):
        for folder, mask in zip((predictions, truth), pair, strict=True):
            (folder / "a").mkdir(parents=True, exist_ok=True)
            write_mask(folder / "a" / f"{n:05d}.png", mask.astype("uint8"))
    shown = []
    scores = plain_evaluation(predictions, truth, lambda *step: shown.append(step))
    assert shown == [(1, 1)]
    assert list(scores) == [("a", 1)]
    j = [official_formulas.J(*pair) for pair in masks[1:-1]]
    f = [official_formulas.F(*pair) for pair in masks[1:-1]]
    expected = [official_formulas.statistics(values) for values in (j, f)]
    np.testing.assert_allclose(scores["a", 1]["J"], j, atol=1e-12)
    np.testing.assert_allclose(scores["a", 1]["F"], f, atol=1e-12)
    np.testing.assert_allclose(scores["a", 1]["statistics"], expected, atol=1e-12)


def test_synthetic_sequences(tmp_path):
    """Objects move, are all present in the first frame, and are only approximately predicted."""
    assert list(write_sequences(tmp_path, 3, 4, (48, 64))) == [1, 2, 3]
    for n in range(3):
        name = f"sequence-{n:03d}"
        truth = sorted((tmp_path / "truth" / "Annotations" / "480p" / name).iterdir())
        assert [path.name for path in truth] == [f"0000{t}.png" for t in range(4)]
        first, last = (read_mask(path)[0] for path in (truth[0], truth[-1]))
        assert np.unique(first).tolist() == list(range(n + 2))
        assert (first != last).any()
        predicted, _ = read_mask(tmp_path / "predictions" / name / "00000.png")
        assert 0 < ((predicted != 0) != (first != 0)).sum() < (first != 0).sum() / 2
