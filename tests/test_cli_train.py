"""The `ytvos-train` command line; test_training_run.py covers training itself."""

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


@pytest.mark.parametrize(
    ("recipe", "option", "augment"),
    [
        ("paper", [], False),
        ("paper", ["--augment"], True),
        ("lite", [], True),
        ("lite", ["--no-augment"], False),
    ],
)
def test_options_reach_the_recipe(monkeypatch, recipe, option, augment):
    recipes = []
    monkeypatch.setattr(
        dry_run, "dry_run", lambda recipe, *_, **__: recipes.append(recipe) or ["nothing is run"]
    )
    command = ["--recipe", recipe, "--data", "records", "--output", "run", "--dry-run"]
    assert main([*command, *option, "--steps", "7"]) == 0
    (changed,) = recipes
    assert changed.augment is augment
    assert {stage.steps for stage in changed.stages} == {7}
