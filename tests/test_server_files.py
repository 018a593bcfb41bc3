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


@pytest.mark.parametrize("file", ["compose.yaml", "kubernetes/deployment.yaml"])
def test_the_server_accepts_labels_of_versions_that_are_not_loaded_yet(file):
    """Without the flag it does not start with the `models.config` of an export."""
    lines = (EXPORT / file).read_text().splitlines()
    flags = [line.split("#")[0].strip() for line in lines]
    assert "- --allow_version_labels_for_unavailable_models=true" in flags


def test_the_documented_paths_are_those_of_the_files():
    assert {file.name for file in CONFIGS} == {"batching.config", "monitoring.config"}
    assert "=/config/batching.config" in (EXPORT / "README.md").read_text()
