"""The public surface: a name that people rely on neither vanishes nor appears by accident."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ytvos_keras

PUBLIC = {
    "InputError",
    "S2S",
    "S2SConfig",
    "Segmenter",
    "__version__",
    "evaluate",
    "load",
    "make_dataset",
}


def test_public_names_are_pinned():
    assert set(ytvos_keras.__all__) == PUBLIC
    assert set(dir(ytvos_keras)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_can_be_imported(name):
    assert getattr(ytvos_keras, name) is not None


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(ytvos_keras.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: statement.module
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert seen == ytvos_keras._HOMES


def test_version_has_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", ytvos_keras.__version__)


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'ytvos_keras' has no attribute 'Segmentor'"):
        _ = ytvos_keras.Segmentor


@pytest.mark.parametrize(
    "statement",
    [
        "import ytvos_keras; dir(ytvos_keras); ytvos_keras.InputError",
        "import ytvos_keras.cli.bench",
        "import ytvos_keras.cli.eval",
        "import ytvos_keras.cli.prepare",
        "import ytvos_keras.cli.segment",
        "import ytvos_keras.cli.train",
    ],
)
def test_import_is_light(statement):
    heavy = "{'tensorflow', 'keras', 'av'} & set(sys.modules)"
    code = f"import sys; {statement}; sys.exit(str({heavy} or ''))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == ""
