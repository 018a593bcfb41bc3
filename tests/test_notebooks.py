"""Notebooks match their sources, hold clean outputs, and run."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parents[1] / "notebooks"
BUILD = runpy.run_path(str(FOLDER / "build.py"))
SOURCES = BUILD["sources"]()
OF_A_MACHINE = re.compile(r"(?<![\w.])/(home|root|tmp|usr|opt|var|private|Users)/|\b[A-Z]:\\")

each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def check_outputs(notebook):
    """No errors, no warnings, and no traces of the machine that ran the notebook."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert not OF_A_MACHINE.search(text), text


@each
def test_notebook_matches_its_source(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), 4)
    expected = BUILD["read_source"](source)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in expected.cells
    ], "run: python notebooks/build.py"


@each
def test_notebook_has_clean_outputs(source):
    path = source.with_suffix(".ipynb")
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    check_outputs(notebook)
    assert path.stat().st_size < 600_000


def test_file_links_resolve():
    for source in SOURCES:
        for cell in BUILD["read_source"](source).cells:
            if cell.cell_type == "markdown":
                links = re.findall(r"\]\(([^):]+)\)", cell.source)
                assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.slow
@each
def test_notebook_runs(source, tmp_path):
    command = [sys.executable, FOLDER / "build.py", source.name[0], "--output", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check_outputs(nbformat.read(tmp_path / source.with_suffix(".ipynb").name, 4))
