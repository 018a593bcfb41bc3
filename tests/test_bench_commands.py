"""`ytvos-bench` on the command line, at tiny sizes. No timings are asserted."""

import json
import subprocess
import sys

import pytest

from ytvos_keras.bench import convlstm, memory, step
from ytvos_keras.bench.measure import Timing
from ytvos_keras.cli.bench import _progress, main

CONVLSTM = ["convlstm", "--shape", "2x3x4x5x6", "--filters", "7", "--repeats", "2", "--warmup", "1"]
STEP = ["step", "--model", "s2s-lite", "--size", "40x64", "--repeats", "1", "--warmup", "1"]


def test_convlstm(tmp_path, capsys):
    path = tmp_path / "convlstm.json"
    assert main([*CONVLSTM, "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    content = json.loads(path.read_text())
    assert content["settings"]["shape"] == [2, 3, 4, 5, 6]
    assert content["settings"]["largest_difference"] < 1e-5
    assert [row["layer"] for row in content["rows"]] == [convlstm.REFERENCE, convlstm.OURS]
    reference, ours = (row["median_s"] for row in content["rows"])
    assert content["ratio"] == pytest.approx(reference / ours)
    assert content["peak_memory_mb"] > 0
    assert f"{content['ratio']:.2f} times as fast" in printed


def test_convlstm_refuses_to_time_different_results(monkeypatch):
    monkeypatch.setattr(convlstm, "TOLERANCE", -1)
    with pytest.raises(RuntimeError, match="must agree to -1 before their speed is compared"):
        main([*CONVLSTM, "--quiet"])


def test_step(tmp_path, capsys):
    path = tmp_path / "step.json"
    options = ["--objects", "2", "--precision", "bfloat16", "--json", str(path)]
    assert main([*STEP, *options]) == 0
    printed = capsys.readouterr().out
    content = json.loads(path.read_text())
    parts = ["Memory, read", "Memory, write", "ConvLSTM", "Decoder", "whole step"]
    assert [(row["precision"], row["objects"], row["part"]) for row in content["rows"]] == [
        ("bfloat16", "any", "Encoder"),
        *(("bfloat16", 2, part) for part in parts),
    ]
    assert content["figures"] == {}  # there is nothing to compare
    assert "ratio" not in content  # there is no baseline for this model
    assert max(map(len, printed.splitlines())) <= 80


def test_memory(tmp_path, capsys):
    path = tmp_path / "memory.json"
    assert main(["memory", "--frames", "2", "--quiet", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    (row,) = content["rows"]
    assert row["frames"] == 2
    assert row["peak_memory_mb"] > 100  # TensorFlow alone uses more
    assert content["figures"]["spread_mb"] == 0


def test_memory_that_is_not_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_WORKER", "print('nan')")
    path = tmp_path / "memory.json"
    assert main(["memory", "--frames", "2", "--quiet", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert content["rows"][0]["peak_memory_mb"] is None
    assert content["figures"] == {"spread_mb": None}


def test_memory_of_a_run_that_fails(monkeypatch, capsys):
    monkeypatch.setattr(memory, "_WORKER", "raise SystemExit('no such model')")
    assert main(["memory", "--frames", "2", "--quiet"]) == 1
    reason = "segmenting 2 frames failed. Received: exit code 1. no such model"
    assert capsys.readouterr().err == f"error: {reason}\n"


def test_only_the_measured_process_imports_tensorflow():
    code = (
        "import sys; from ytvos_keras.bench import memory; from ytvos_keras.cli.bench import main;"
        "memory._WORKER = 'print(1.5)';"
        "assert main(['memory', '--frames', '2', '--quiet']) == 0;"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_figures_and_comparisons_of_step():
    medians = {
        ("float32", 1, step.WHOLE): 0.3,
        ("float32", 5, step.WHOLE): 0.45,
        ("float32", 1, step.PLAIN): 0.33,
        ("bfloat16", 1, step.WHOLE): 0.15,
        ("bfloat16", 5, step.WHOLE): 0.3,
    }
    timings = {step.Case(*case): Timing((median,)) for case, median in medians.items()}
    figures = step._figures(timings, [1, 5], ["float32", "bfloat16"])
    assert {figure.name: round(figure.value, 6) for figure in figures} == {
        "cost_of_5_over_1_objects_float32": 1.5,
        "cost_of_5_over_1_objects_bfloat16": 2.0,
        "float32_over_bfloat16_1_objects": 2.0,
        "float32_over_bfloat16_5_objects": 1.5,
    }
    (comparison,) = step._comparisons(timings)
    assert comparison.what == "step against plain Keras, float32, 1 object"
    assert comparison.ratio == pytest.approx(1.1)


def test_quiet_shows_no_progress(capsys):
    assert main([*CONVLSTM, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: NAME"),
        (["gpu"], "invalid choice: 'gpu'"),
        (["convlstm", "--shape", "8x14"], "Received: '8x14'"),
        (["convlstm", "--filters", "0"], "must be a whole number of at least 1. Received: '0'"),
        (["step", "--size", "256"], "for example 256x448. Received: '256'"),
        (["step", "--objects", "1,b"], "must be a whole number of at least 1. Received: 'b'"),
        (["step", "--precision", "int8"], "choose from float32, bfloat16. Received: 'int8'"),
        (["step", "--model", "s2s"], "invalid choice: 's2s'"),
        (["pipeline", "--clip-length", "1"], "whole number of at least 2. Received: '1'"),
    ],
)
def test_usage_errors_exit_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_json_folder_is_refused_before_any_work(tmp_path, capsys):
    assert main([*CONVLSTM, "--json", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--json needs the name of a file. Received a folder" in captured.err


def test_json_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(convlstm, "run", None)  # must not be reached
    (tmp_path / "file").touch()
    assert main([*CONVLSTM, "--quiet", "--json", str(tmp_path / "file" / "report.json")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_progress_shows_names_with_brackets(monkeypatch, capsys):
    # Show the bar as on a terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with _progress(quiet=False) as progress:
        progress("clip[final]", 0, 1)
    assert "clip[final]" in capsys.readouterr().err


def test_models_are_the_presets():
    from ytvos_keras.models import PRESETS

    # The same network with other weights takes the same time.
    assert set(step.MODELS) == set(PRESETS) - {"s2s-lite-rough"}
