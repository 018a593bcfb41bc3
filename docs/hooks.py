"""MkDocs hooks: pages from files outside of docs/, and the commands' help.

The Markdown files of this repository link to one another and to its source files by relative
paths, so that links work when the files are read in the repository. On the site, a link to a file
that is not part of it becomes plain text.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "reference/changelog.md": "CHANGELOG.md",
    "reference/data_sets.md": "data_prep/README.md",
    "reference/deployment.md": "export/README.md",
    "reference/model_card.md": "MODEL_CARD.md",
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_HELP = re.compile(r"^<!-- help: (.+) -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages whose sources are outside docs/."""
    for page, source in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for file in list(files):
        if file.src_uri.endswith(".py"):
            files.remove(file)
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links and insert the commands' help."""
    place = page.file.src_uri
    source = ROOT / OUTSIDE.get(place, f"docs/{place}")
    markdown = _LINK.sub(lambda match: _mend(match, source, place, files), markdown)
    return _HELP.sub(lambda match: _help(match[1]), markdown)


def _mend(match: re.Match[str], source: Path, place: str, files: Files) -> str:
    image, text, target, anchor = match.groups()
    path = Path(os.path.normpath(source.parent / target)).relative_to(ROOT).as_posix()
    pages = {file: page for page, file in OUTSIDE.items()}
    inside = pages.get(path, path.removeprefix("docs/"))
    if files.get_file_from_path(inside) is None or not (path in pages or path.startswith("docs/")):
        return match[0] if image else text
    link = os.path.relpath(inside, Path(place).parent.as_posix() or ".").replace(os.sep, "/")
    return f"{image}[{text}]({link}{anchor or ''})"


def _help(command: str) -> str:
    """A command's help as a block of text, 80 columns wide."""
    program, *words = command.split()
    module = f"ytvos_keras.cli.{program.removeprefix('ytvos-')}"
    code = f"import sys; from {module} import main; sys.argv[0] = {program!r}; main()"
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code, *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return f"```text\n{result.stdout.rstrip()}\n```"
