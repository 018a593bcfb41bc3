"""`ytvos-bench export` with a model that traces quickly. No timings are asserted."""

import json

import numpy as np
from tiny_s2s import TinyS2S

from ytvos_keras.bench.export import FLOAT32, INT8, KERAS, SAVED_MODEL
from ytvos_keras.cli.bench import main
from ytvos_keras.export import saved_model
from ytvos_keras.export.saved_model import SavedModelStream


def test_every_format_is_timed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("ytvos_keras.models.load", lambda name: TinyS2S())
    states = []

    class Stream(SavedModelStream):
        def step(self, image, state):
            states.append(state)
            return super().step(image, state)

    monkeypatch.setattr(saved_model, "SavedModelStream", Stream)
    path = tmp_path / "export.json"
    size = ["--model", "s2s-lite", "--size", "32x48", "--repeats", "1", "--warmup", "1"]
    assert main(["export", *size, "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert [row["form"] for row in content["rows"]] == [KERAS, SAVED_MODEL, FLOAT32, INT8]
    assert all(row["median_s"] > 0 for row in content["rows"])
    assert [type(x) for x in states[0].values()] == [np.ndarray] * 2  # as with ONNX
    assert "ONNX int8 against float32" in capsys.readouterr().out
