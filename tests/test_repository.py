"""Check what the repository claims about itself: commands, targets, versions, sizes."""

import configparser
import importlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import ytvos_keras

ROOT = Path(__file__).parents[1]
TEST_COMMAND = "python -m pytest"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(read("setup.cfg"))
    return parser


def lines_of(option: str) -> list[str]:
    return [line for line in option.splitlines() if line]


def console_scripts() -> dict[str, str]:
    lines = lines_of(setup_cfg()["options.entry_points"]["console_scripts"])
    return dict(re.split(r"\s*=\s*", line) for line in lines)


def commands(document: str) -> list[str]:
    """Lines of a document's shell blocks, without prompts and trailing comments."""
    blocks = re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", read(document), re.S | re.M)
    lines = (re.sub(r"^\$ |\s+#.*$", "", line) for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


def make_recipes() -> dict[str, list[str]]:
    rules = re.findall(r"^([\w-]+):.*\n((?:\t.*\n)*)", read("Makefile"), re.M)
    return {target: recipe.replace("\t", "").splitlines() for target, recipe in rules}


def test_commands_in_the_readme_exist():
    shown = commands("README.md")
    targets = {word for line in shown for word in re.findall(r"^make ([\w-]+)", line)}
    scripts = {word for line in shown for word in re.findall(r"\bytvos-(?!keras)\w+", line)}
    extras = {word for line in shown for word in re.findall(r"\[([\w,-]+)\]'", line)}
    assert {"demo", "test"} <= targets <= set(make_recipes())
    assert {"ytvos-segment"} <= scripts <= set(console_scripts())
    assert {part for word in extras for part in word.split(",")} <= set(
        setup_cfg()["options.extras_require"]
    )


def test_one_test_command_everywhere():
    in_readme = [re.sub(r"^\S*/", "", line) for line in commands("README.md") if "pytest" in line]
    in_makefile = [line.removeprefix("$(BIN)/") for line in make_recipes()["test"]]
    in_ci = [line.strip() for line in read(".ci/run").splitlines() if "pytest" in line]
    assert in_readme[:1] == [TEST_COMMAND]
    assert in_makefile == [TEST_COMMAND]
    assert in_ci == [f'say "Tests: {TEST_COMMAND}"', TEST_COMMAND]


def test_the_version_is_in_the_changelog():
    assert f"\n## [{ytvos_keras.__version__}]" in read("CHANGELOG.md")


def test_every_ignored_warning_has_a_reason():
    lines = [line.strip() for line in read("setup.cfg").splitlines()]
    for before, line in pairwise(lines):
        if line.startswith("ignore"):
            assert before.startswith("#"), f"no comment above {line!r}"


@pytest.mark.parametrize("script", sorted(console_scripts()))
def test_command_help(script):
    module, function = console_scripts()[script].split(":")
    code = f"import sys; from {module} import {function} as run; sys.exit(run(['--help']))"
    environment = os.environ | {"COLUMNS": "80"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: {script}")
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []
    assert result.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        *(f"prepare {name}" for name in ("youtube-vos", "davis", "images", "videos")),
        *("prepare check", "prepare stats", "prepare split"),
        *("eval compare", "eval submission", "export serve"),
    ],
)
def test_help_of_subcommands_fits_a_terminal(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    script, name = command.split()
    with pytest.raises(SystemExit):
        importlib.import_module(f"ytvos_keras.cli.{script}").main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"usage: ytvos-{script} {name}")
    assert [line for line in lines if len(line) > 80 or line.endswith("ytvos-")] == []


def test_every_subpackage_has_an_init_file():
    # `packages = find:` skips folders without `__init__.py`, so the wheel would lack them.
    folders = {path.parent for path in Path(ytvos_keras.__file__).parent.rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_file_over_20_megabytes():
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]
    assert [file.name for file in files if file.stat().st_size > 20e6] == []
