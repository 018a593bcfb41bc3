"""Run the notebooks and write them with their outputs.

    python notebooks/build.py              all
    python notebooks/build.py 1 3          notebooks 1 and 3
    python notebooks/build.py --output DIR

The sources are the `.py` files, in the percent format of Jupytext; this script generates
the `.ipynb` files next to them, which must not be edited. Needs the extra `notebooks`.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TIMEOUT = 1800  # seconds for a cell


def sources() -> list[Path]:
    """The notebooks' sources, in order."""
    return sorted(HERE.glob("[0-9]_*.py"))


def read_source(path: Path) -> nbformat.NotebookNode:
    """A source as a notebook without outputs; the same file gives the same notebook."""
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", nbformat.NotebookNode()
    return notebook


def execute(notebook: nbformat.NotebookNode) -> None:
    """Runs all cells, in a temporary folder with a copy of the data, and keeps their outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE / "data", Path(folder, "data"))
        shutil.copy(HERE / "helpers.py", folder)
        # The commands are found where this Python is, also in an environment that is not activated.
        scripts = str(Path(sys.executable).parent)
        environment = os.environ | {
            "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
            "IPYTHONDIR": str(Path(folder, ".ipython")),  # no history in the home folder
        }
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            record_timing=False,
            coalesce_streams=True,
            on_cell_complete=lambda cell, cell_index: print(
                f"\rcell {cell_index + 1} of {len(notebook.cells)}", end="", file=sys.stderr
            ),
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
    notebook.metadata = nbformat.from_dict(METADATA)  # without the version of this Python
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text" in output:  # commands take a notebook for a terminal and print in bold
                output.text = re.sub(r"\x1b\[[\d;]*m", "", output.text).replace("\r\n", "\n")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="of the notebooks (default: all)")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIR")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    known = {path.name[0]: path for path in sources()}
    for number in arguments.numbers or known:
        if number not in known:
            parser.error(f"there is no notebook {number}; there are {', '.join(known)}")
        notebook = read_source(known[number])
        execute(notebook)
        path = arguments.output / known[number].with_suffix(".ipynb").name
        nbformat.write(notebook, path)
        print(f"\r{path.name}  {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
