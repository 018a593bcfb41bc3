"""The `ytvos-train` command line; test_training_run.py covers training itself."""

import dataclasses
import importlib
import subprocess
import sys

import pytest

from ytvos_keras.cli.train import RECIPE_NAMES, _shares, main
from ytvos_keras.errors import InputError
from ytvos_keras.training import dry_run
from ytvos_keras.training.recipes import RECIPES


def test_help_needs_no_tensorflow():
    code = (
        "import sys; from ytvos_keras.cli.train import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    sys.exit('tensorflow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert "ytvos-train --recipe paper --data youtube-vos --dry-run" in result.stdout


def test_help_lists_all_recipes():
    assert set(RECIPE_NAMES) == set(RECIPES)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--recipe", "lite", "--data", "x"],
        ["--recipe", "huge", "--data", "x", "--output", "y"],
        ["--recipe", "lite", "--data", "x", "--output", "y", "--size", "12"],
    ],
)
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--steps", "0"), ("--batch-size", "0"), ("--clip-length", "1"), ("--accumulate", "0")),
        *(("--learning-rate", "0"), ("--learning-rate", "nan"), ("--clip-norm", "-1")),
        *(("--percent", "0"), ("--percent", "101"), ("--min-object", "2"), ("--max-step", "0")),
        *(("--checkpoint-steps", "0"), ("--seed", "-1"), ("--seed", str(2**32))),
    ],
)
def test_numbers_out_of_range(option, value, tmp_path, capsys):
    command = ["--recipe", "small", "--data", "x", "--output", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as error:
        main([*command, option, value])
    assert error.value.code == 2
    assert f"argument {option}: must be " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (["a"], ["a"]),
        (["a", "b"], ["a", "b"]),  # all videos equally likely
        (["a=3", "b=1"], {"a": 3.0, "b": 1.0}),
    ],
)
def test_shares_of_the_clips(given, data):
    assert _shares(given) == data


def test_shares_of_some_folders_only():
    with pytest.raises(InputError, match="b: has no share of the clips; give one to all folders"):
        _shares(["a=3", "b"])


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf"])
def test_shares_out_of_range(share):
    message = f"a={share}: no such folder, and '{share}' is not a share; give DIR, or DIR=SHARE"
    with pytest.raises(InputError, match=message):
        _shares(["b=1", f"a={share}"])


@pytest.mark.parametrize("given", [["a=0.8", "a=0.2"], ["b", "a", "a"], ["./a", "a"], ["a/", "a"]])
def test_folder_given_twice(given):
    with pytest.raises(InputError, match=r"^a: given twice; give each folder once$"):
        _shares(given)


def test_failures_are_one_line(tmp_path, capsys):
    for data, message in (
        ("nowhere", "nowhere: no such folder."),
        (
            "nowhere=half",
            "nowhere=half: no such folder, and 'half' is not a share; give DIR, or DIR=",
        ),
        (str(tmp_path), "not a folder of records, there is no dataset.json in it"),
    ):
        command = [
            "--recipe",
            "small",
            "--data",
            data,
            "--output",
            str(tmp_path / "run"),
            "--quiet",
        ]
        assert main(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert message in line


@pytest.fixture
def changed(monkeypatch):
    """Return the recipe that a command with some options would train."""

    def recipe(name, *options):
        recipes = []
        monkeypatch.setattr(
            dry_run, "dry_run", lambda recipe, *_, **__: recipes.append(recipe) or []
        )
        command = ["--recipe", name, "--data", "records", "--output", "run", "--dry-run"]
        assert main([*command, *options]) == 0
        return recipes[0]

    return recipe


@pytest.mark.parametrize(
    ("option", "value", "field", "expected"),
    [
        ("--batch-size", "3", "batch_size", 3),
        ("--learning-rate", "2e-3", "learning_rate", 0.002),
        ("--clip-norm", "0.5", "clip_norm", 0.5),
        ("--accumulate", "4", "accumulate", 4),
        ("--precision", "mixed_bfloat16", "precision", "mixed_bfloat16"),
        ("--percent", "12.5", "percent", 12.5),
        ("--min-object", "0.01", "min_object", 0.01),
        ("--max-step", "2", "max_step", 2),
        ("--checkpoint-steps", "30", "checkpoint_steps", 30),
        ("--seed", "7", "seed", 7),
        ("--weights", "mine.keras", "weights", "mine.keras"),
        ("--backbone-weights", "vgg16.h5", "backbone_weights", "vgg16.h5"),
        ("--backbone-weights", "none", "backbone_weights", None),
    ],
)
def test_option_changes_one_field(changed, option, value, field, expected):
    before = RECIPES["paper"]
    assert getattr(before, field) != expected
    assert changed("paper", option, value) == dataclasses.replace(before, **{field: expected})


def test_recompute_changes_one_field(changed):
    expected = dataclasses.replace(RECIPES["paper"], recompute=True)
    assert changed("paper", "--recompute") == expected


@pytest.mark.parametrize(
    ("option", "value", "field", "expected"),
    [("--size", "64x96", "size", (64, 96)), ("--clip-length", "4", "clip_length", 4)],
)
def test_option_changes_every_stage(changed, option, value, field, expected):
    before = RECIPES["paper"]
    stages = tuple(dataclasses.replace(stage, **{field: expected}) for stage in before.stages)
    assert changed("paper", option, value) == dataclasses.replace(before, stages=stages)


@pytest.mark.parametrize(
    ("recipe", "option", "augment"),
    [
        ("paper", [], False),
        ("paper", ["--augment"], True),
        ("lite", [], True),
        ("lite", ["--no-augment"], False),
    ],
)
def test_augmentation_and_steps(changed, recipe, option, augment):
    found = changed(recipe, *option, "--steps", "7")
    assert found.augment is augment
    assert {(stage.steps, stage.passes) for stage in found.stages} == {(7, None)}


@pytest.mark.parametrize("recipe", ["lite-videos", "lite-objects"])
def test_augment_keeps_the_ranges_of_the_recipe(changed, recipe):
    assert changed(recipe, "--augment") == RECIPES[recipe]


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [("finetune", [], "s2s-lite"), ("paper", ["--weights", "mine.keras"], "mine.keras")],
)
def test_backbone_weights_of_a_run_that_starts_from_weights(name, options, start, capsys):
    command = ["--recipe", name, "--data", "records", "--dry-run", *options]
    assert main([*command, "--backbone-weights", "imagenet"]) == 1
    assert capsys.readouterr().err == (
        f"error: --backbone-weights has no effect on a run that starts from {start}; leave it out\n"
    )


def test_dry_run_checks_the_devices(monkeypatch, capsys):
    command = ["--recipe", "paper", "--data", "records", "--dry-run", "--devices", "99"]
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(dry_run, "dry_run", lambda *_, **__: ["done"])
    assert main(command) == 1
    assert "--devices must be 1 to " in capsys.readouterr().err
    # With other machines, the check would wait for them.
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert main(command) == 0
    assert capsys.readouterr().out == "done\n"


def test_interruption_says_what_the_same_command_does(monkeypatch, capsys, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    # The package attribute of this name is the function, not the module.
    module = importlib.import_module("ytvos_keras.training.train")
    monkeypatch.setattr(module, "train", interrupted)
    command = ["--recipe", "small", "--data", "records", "--output", str(tmp_path / "run")]
    assert main(command) == 130
    assert "there is no checkpoint yet, so the same command starts over" in capsys.readouterr().err
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/checkpoints/step-00000050.weights.h5").touch()
    assert main(command) == 130
    assert "run the same command again to resume from the last" in capsys.readouterr().err


def test_interrupted_dry_run_has_nothing_to_resume(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(dry_run, "dry_run", interrupted)
    assert main(["--recipe", "paper", "--data", "records", "--dry-run"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
