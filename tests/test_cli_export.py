import contextlib
import copy
import importlib
import subprocess
import sys

import pytest
from tiny_export import tiny_graphs
from tiny_s2s import TinyS2S

from ytvos_keras import InputError
from ytvos_keras.cli import export, export_serve
from ytvos_keras.export import onnx_convert, onnx_files, parity, saved_model
from ytvos_keras.export.development_server import Address
from ytvos_keras.export.model_facts import model_facts


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr("ytvos_keras.models.load", lambda name: TinyS2S())
    monkeypatch.setattr(saved_model, "byte_signatures", lambda *_: {})  # tested elsewhere


@pytest.mark.parametrize("command", [["--help"], ["serve", "--help"]])
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\n"
        "from ytvos_keras.cli.export import main\n"
        f"try:\n    main({command})\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'av', 'rich', 'grpc'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ytvos-export")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: --format, --output"),
        (["--format", "torch", "--output", "x"], "invalid choice: 'torch'"),
        (
            ["--format", "saved-model", "--output", "x", "--precision", "int8"],
            "--precision and --data are only for --format onnx",
        ),
        (
            ["--format", "onnx", "--output", "x", "--version", "1"],
            "--version and --no-warmup are only for --format saved-model",
        ),
        (["--format", "saved-model", "--output", "x", "--version", "0"], "at least 1"),
        (
            ["--format", "onnx", "--output", "x", "--calibration", "y"],
            "--calibration is only for --precision int8",
        ),
        (
            ["--format", "onnx", "--output", "x", "--data", "y"],
            "--data is only for --precision float16 or int8",
        ),
        (["--format", "saved-model", "--output", "x", "--size", "256"], "must be HEIGHTxWIDTH"),
        (["serve"], "required: DIR"),
    ],
)
def test_usage_errors_exit_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        export.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_output_lists_files_and_checks(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    command = ["--format", "saved-model", "--output", str(tmp_path / "s2s"), "--no-warmup"]
    assert export.main([*command, "--size", "32x48"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"saved model  {tmp_path / 's2s' / '1'} (")
    assert lines[1] == "signature    step: image, h, previous_mask -> probs, h, previous_mask"
    assert lines[-2].startswith("parity       20 frames of 32x48, 2 objects: largest difference ")
    assert lines[-1] == "warm-up      no requests"


def test_long_lines_wrap_at_the_terminal_width(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    command = ["--format", "saved-model", "--output", str(tmp_path / "s2s"), "--no-warmup"]
    assert export.main([*command, "--size", "32x48"]) == 0
    printed = capsys.readouterr().out
    assert (
        "signature    step: image, h,\n"
        "             previous_mask -> probs, h,\n"
        "             previous_mask\n"
    ) in printed


def test_failed_check_exits_1_and_leaves_no_files(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(parity, "EQUAL_LABELS", 1.1)
    command = ["--format", "saved-model", "--output", str(tmp_path / "s2s"), "--no-warmup"]
    assert export.main([*command, "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: the exported model must match the Keras model's probabilities")
    assert err.count("\n") == 1
    assert list((tmp_path / "s2s").iterdir()) == []


@pytest.mark.parametrize(
    ("model", "licence"),
    [("s2s-lite", "for research and evaluation"), ("mine/s2s-lite.keras", "not stated")],
)
@pytest.mark.parametrize("kind", ["onnx", "saved-model"])
def test_only_a_preset_has_the_licence_of_the_bundled_weights(
    tiny, tmp_path, monkeypatch, kind, model, licence
):
    def stop(*arguments):
        facts.append(model_facts(*arguments))
        raise InputError("enough")

    facts = []
    monkeypatch.setattr(onnx_files, "model_facts", stop)
    monkeypatch.setattr(saved_model, "model_facts", stop)
    monkeypatch.setattr(onnx_convert, "convert", lambda *_, **__: copy.deepcopy(tiny_graphs()))
    command = ["--format", kind, "--output", str(tmp_path / "out"), "--model", model, "--quiet"]
    assert export.main(command) == 1
    assert licence in facts[0]["licence"]


def test_serve_prints_the_versions(monkeypatch, capsys):
    @contextlib.contextmanager
    def served(*_):
        yield Address("s2s", "127.0.0.1", 8500, 8501, [1, 3])

    class Stopped:
        def wait(self, seconds):
            return True

    # Not by its dotted path, where the package has the function of that name.
    module = importlib.import_module("ytvos_keras.export.development_server")
    monkeypatch.setattr(module, "development_server", served)
    monkeypatch.setattr(export_serve.threading, "Event", Stopped)
    assert export.main(["serve", "deploy/s2s"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "model  s2s, served versions: 1, 3"
    assert lines[-1] == "ready"


def test_user_errors_exit_1(tmp_path, capsys):
    assert export.main(["--format", "saved-model", "--model", "s2s-vgg16", "--output", "x"]) == 1
    assert "no weights are bundled" in capsys.readouterr().err
    assert export.main(["serve", str(tmp_path)]) == 1
    assert "no models.config in it" in capsys.readouterr().err
