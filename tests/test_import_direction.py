"""Imports between subpackages ("rooms") flow one way: later ones may import earlier ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ytvos_keras

PACKAGE = Path(ytvos_keras.__file__).parent

# Subpackages on one line are siblings and do not import each other.
ORDER = (
    ("errors",),
    ("argument_types",),
    ("plain_table",),
    ("precisions",),
    ("progress",),
    ("processes",),
    ("quiet_import",),
    ("media",),
    ("datasets",),
    ("records",),
    ("data",),
    ("layers",),
    ("models",),
    ("losses", "metrics"),
    ("training",),
    ("inference",),
    ("evaluation",),
    ("export",),
    ("annotate",),
    ("bench",),
    ("cli",),
)
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
NOT_ROOMS = {"__init__", "assets", "py"}


def room_of(path: Path, package: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported_modules(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute dotted name) of every import in a file, including inside functions."""
    place = (package.name, *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(place[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def backward_imports(package: Path) -> list[str]:
    """Return one line per violation: file, line, and reason."""
    faults = []
    for path in sorted((*package.rglob("*.py"), *package.rglob("*/*.pyi"))):
        room = room_of(path, package)
        if room in NOT_ROOMS:  # the lazy top-level package may import everything
            continue
        for line, module in imported_modules(path, package):
            parts = module.split(".")
            if parts[0] != package.name or len(parts) < 2 or parts[1] in (room, "__version__"):
                continue
            if parts[1] not in RANK:  # a top-level name, which may come from any room
                reason = f"names a room instead of {module}"
            elif RANK[parts[1]] >= RANK.get(room, -1):
                reason = f"{room} may not import {parts[1]}"
            else:
                continue
            faults.append(f"{path.relative_to(package.parent)}:{line}: {reason}")
    return faults


def test_no_backward_import():
    assert not backward_imports(PACKAGE), "\n".join(backward_imports(PACKAGE))


def test_every_room_is_in_the_order():
    rooms = {
        room_of(path, PACKAGE)
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - NOT_ROOMS <= set(RANK)


@pytest.mark.parametrize(
    "statement",
    [
        "import ytvos_keras.training.stages",
        "from ytvos_keras.training import stages",
        "from ytvos_keras import training",
        "from ..training import stages",
        "from .. import training",
        "def later():\n    from ytvos_keras.training.stages import fit",
    ],
)
def test_backward_import_is_detected(tmp_path, statement):
    package = tmp_path / "ytvos_keras"
    (package / "layers").mkdir(parents=True)
    (package / "layers" / "planted.py").write_text(f"import keras\n\n{statement}\n")
    (fault,) = backward_imports(package)
    line = 3 + statement.count("\n")
    assert fault == f"ytvos_keras/layers/planted.py:{line}: layers may not import training"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("from ytvos_keras.metrics import J", "losses may not import metrics"),
        ("from ytvos_keras import S2S", "names a room instead of ytvos_keras.S2S"),
    ],
)
def test_siblings_and_the_top_level_package_are_no_loophole(tmp_path, statement, fault):
    package = tmp_path / "ytvos_keras"
    package.mkdir()
    (package / "losses.py").write_text(f"{statement}\n")
    assert [line.split(": ")[1] for line in backward_imports(package)] == [fault]


def test_forward_import_is_allowed(tmp_path):
    package = tmp_path / "ytvos_keras"
    (package / "cli").mkdir(parents=True)
    (package / "cli" / "planted.py").write_text(
        "import numpy\nfrom ytvos_keras.inference import Segmenter\nfrom .common import run\n"
    )
    assert backward_imports(package) == []
