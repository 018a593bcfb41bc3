"""The files in `export/` that start TensorFlow Serving."""

import textwrap
from pathlib import Path

import pytest

EXPORT = Path(__file__).parents[1] / "export"
CONFIGS = sorted(EXPORT.glob("*.config"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_the_server_finds_every_configuration(file):
    assert f"- ./{file.name}:/config/{file.name}:ro" in (EXPORT / "compose.yaml").read_text()
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    entry = f"  {file.name}: |\n" + textwrap.indent("\n".join(lines), "    ") + "\n"
    assert entry in (EXPORT / "kubernetes" / "config.yaml").read_text()


def test_the_documented_paths_are_those_of_the_files():
    assert {file.name for file in CONFIGS} == {"batching.config", "monitoring.config"}
    assert "=/config/batching.config" in (EXPORT / "README.md").read_text()
