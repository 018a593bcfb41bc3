"""Notebooks match their sources, hold clean outputs, and run."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from models_helper import bundled_model

from ytvos_keras.export.signatures import signatures

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

HERE = Path(__file__).parent
FOLDER = HERE.parent / "notebooks"
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


def test_recorded_signatures_are_those_of_the_bundled_model():
    notebook = nbformat.read(FOLDER / "4_export_and_serve.ipynb", 4)
    texts = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
    recorded = re.findall(r"^graph +(\w+)\.onnx .*: (.*) ->", "".join(texts), re.M)
    expected = {name: ", ".join(one.inputs) for name, one in signatures(bundled_model()).items()}
    assert dict(recorded) == expected, "run: python notebooks/build.py 4"


def test_file_links_resolve():
    for source in SOURCES:
        for cell in BUILD["read_source"](source).cells:
            if cell.cell_type == "markdown":
                links = re.findall(r"\]\(([^):]+)\)", cell.source)
                assert [link for link in links if not (FOLDER / link).exists()] == []


# Every cell runs, but less of what repeats: steps of training, and conversions of a large network.
SHORTER = {
    "1": {},
    "2": {
        '"clip_length": 4': '"clip_length": 2',
        '*3 * ["to be found"]': '"to be found"',
        "epochs=12": "epochs=2",
        "steps_per_epoch=15": "steps_per_epoch=2",
        "jit_compile=False,": "run_eagerly=True,",  # tracing takes longer than these steps
    },
    "3": {
        "import shutil\n": "import dataclasses\nimport shutil\n",
        'Segmenter(ytvos_keras.load("s2s-lite"))': (
            'Segmenter(ytvos_keras.load("s2s-lite"), size=(96, 160))'
        ),
        'ONLINE_LEARNING["full"]': (
            'dataclasses.replace(ONLINE_LEARNING["full"], steps=3, clip_length=2)'
        ),
        "Segmenter(segmenter.model, online": "Segmenter(segmenter.model, size=(96, 160), online",
        "    overlay=True,\n": "    overlay=True,\n    size=(96, 160),\n",
    },
    "4": {
        "import shutil\n": f"import shutil\nimport sys\nsys.path.append({str(HERE)!r})\n",
        'ytvos_keras.load("s2s-lite")': '__import__("tiny_s2s").TinyS2S()',
    },
}


@each
def test_tensorflow_is_imported_by_the_helpers(source):
    """They keep it quiet, which `test_notebooks_run` can only see in the first notebook."""
    first = code_cells(BUILD["read_source"](source))[0].source
    imports = re.findall(r"^(?:import|from) (\w+)", first, re.M)
    before = imports[: imports.index("helpers")]
    assert not {"keras", "tensorflow", "tensorflow_serving", "ytvos_keras"} & set(before)


@pytest.mark.slow
def test_notebooks_run():
    """One after the other in one process, because importing TensorFlow takes seconds."""
    joined = nbformat.v4.new_notebook()
    for source in SOURCES:
        notebook = BUILD["read_source"](source)
        for old, new in SHORTER[source.name[0]].items():
            assert sum(old in cell.source for cell in code_cells(notebook)) == 1, old
            for cell in code_cells(notebook):
                cell.source = cell.source.replace(old, new)
        # A notebook must not see the variables of another.
        joined.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    for number, cell in enumerate(joined.cells):
        cell.id = f"cell-{number:03d}"
    BUILD["execute"](joined)
    check_outputs(joined)


def test_command_writes_a_notebook_with_its_outputs(tmp_path, monkeypatch):
    def execute(notebook):
        output = nbformat.v4.new_output("stream", text="done")
        code_cells(notebook)[0].outputs.append(output)

    monkeypatch.setitem(BUILD["main"].__globals__, "execute", execute)
    monkeypatch.setattr(sys, "argv", ["build.py", "1", "--output", str(tmp_path)])
    BUILD["main"]()
    written = nbformat.read(tmp_path / "1_look_at_the_data.ipynb", 4)
    expected = BUILD["read_source"](SOURCES[0])
    assert [cell.source for cell in written.cells] == [cell.source for cell in expected.cells]
    assert code_cells(written)[0].outputs[0].text == "done"
