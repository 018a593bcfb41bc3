"""`ytvos-bench train` at tiny sizes. No timings are asserted."""

import json
from contextlib import closing

import pytest

from ytvos_keras.bench import step_process, train
from ytvos_keras.bench.measure import Timing
from ytvos_keras.bench.step_process import OURS, PLAIN, StepProcess, TrainedNetwork
from ytvos_keras.cli.bench import main
from ytvos_keras.errors import InputError
from ytvos_keras.losses import LOSSES
from ytvos_keras.training.recipes import lite

TINY = ["--frames", "2", "--size", "32x32", "--repeats", "1", "--warmup", "1", "--quiet"]
LITE = TrainedNetwork(OURS, "s2s-lite", "float32", 2, (32, 32))
# In place of the process that trains: answers with its peak memory.
STUB = "import sys\nprint(1.5, flush=True)\nfor _ in sys.stdin: print(2.5, flush=True)"


def test_train(tmp_path, monkeypatch, capsys):
    trains_lite = f"import json, sys; assert sys.argv[1] == {json.dumps(LITE)!r}\n"
    monkeypatch.setattr(step_process, "_CHILD", trains_lite + STUB)
    path = tmp_path / "train.json"
    options = ["--model", "s2s-lite", "--precision", "float32", "--json", str(path)]
    assert main(["train", *options, *TINY]) == 0
    content = json.loads(path.read_text())
    (row,) = content["rows"]
    assert (row["network"], row["precision"]) == (OURS, "float32")
    assert row["median_s"] > 0
    assert row["peak_memory_mb"] == 2.5
    assert content["settings"]["frames"] == 2
    assert "ratio" not in content  # there is no baseline for this model
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_clips_that_cannot_be_trained_on_are_usage_errors(capsys):
    with pytest.raises(SystemExit):
        main(["train", *TINY, "--frames", "1"])
    assert "a whole number of at least 2" in capsys.readouterr().err
    assert main(["train", *TINY, "--size", "32x40"]) == 1
    assert "--size must be multiples of 32 for s2s-vgg16" in capsys.readouterr().err


@pytest.mark.slow
def test_the_papers_model_against_stock_layers(tmp_path):
    path = tmp_path / "train.json"
    assert main(["train", "--precision", "bfloat16", "--json", str(path), *TINY]) == 0
    content = json.loads(path.read_text())
    assert [row["network"] for row in content["rows"]] == [PLAIN, OURS]
    # TensorFlow alone uses more.
    assert all(row["peak_memory_mb"] > 100 for row in content["rows"])
    assert content["ratio"] > 0


def test_the_small_model_is_compiled_by_its_recipe():
    model, (inputs, masks) = step_process._build(LITE)
    assert model.config == lite.RECIPE.model
    assert type(model.loss) is LOSSES[lite.RECIPE.loss]
    assert inputs["frames"].shape == (1, 2, 32, 32, 3)
    assert masks.shape == (1, 1, 32, 32, 1)


def test_comparisons():
    medians = {
        (PLAIN, "float32"): 10.0,
        (OURS, "float32"): 8.0,
        (PLAIN, "bfloat16"): 6.0,
        (OURS, "bfloat16"): 4.0,
    }
    timings = {case: Timing((median,)) for case, median in medians.items()}
    ratios = {c.what: c.ratio for c in train._comparisons(timings)}
    assert ratios == {
        "training step against stock Keras layers, float32": pytest.approx(1.25),
        "training step against stock Keras layers, bfloat16": pytest.approx(1.5),
        "training step in bfloat16 against float32": pytest.approx(2),
    }


def test_process_that_exits_early(monkeypatch):
    monkeypatch.setattr(step_process, "_CHILD", "raise KeyError('vgg')")
    with pytest.raises(InputError, match=r"ended early; .* exit code 1\. KeyError: 'vgg'"):
        StepProcess(LITE)


def test_process_that_is_killed_between_steps(monkeypatch):
    monkeypatch.setattr(step_process, "_CHILD", STUB)
    with closing(StepProcess(LITE)) as process:
        process.step()
        assert process.peak_memory == 2.5
        process._child._process.kill()
        process._child._process.wait()
        with pytest.raises(InputError, match=r"ended early; .* exit code"):
            process.step()
