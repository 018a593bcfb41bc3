"""JSON files that are whole or absent."""

import json
from pathlib import Path
from typing import Any

from ytvos_keras.media.atomic import atomic_path


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file, readable for people; it appears whole or not at all.

    Args:
        path: the file; its folder must exist.
        content: what `json.dumps` takes. Of names of files that are no Unicode (Latin-1 on Linux),
            the bytes that are none become escapes, which `json.loads` reads back.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
