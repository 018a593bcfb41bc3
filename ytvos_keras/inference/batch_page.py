"""An HTML summary of a batch."""

import html
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ytvos_keras.media.atomic import atomic_path

_STYLE = (
    "body{font:15px system-ui,sans-serif;margin:1.5rem;max-width:75rem}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid #ccc}td.n{text-align:right}img{max-width:40rem;max-height:14rem}"
    ".bad{color:#b00}"
)


def write_page(path: Path, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write an HTML page with a row for each video of `summary.json`; it works offline.

    It belongs next to the folders of the videos, whose contact sheets and overlays it shows.
    """
    failed = sum(outcome.get("error") is not None for outcome in outcomes.values())
    rows = "\n".join(_row(path.parent, name, outcome) for name, outcome in outcomes.items())
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Batch</title>'
        f"<style>{_STYLE}</style><h1>{len(outcomes)} videos, {failed} failed</h1>"
        "<table><tr><th>video<th>frames<th>objects<th>seconds<th></tr>\n"
        f"{rows}\n</table></html>\n"
    )
    with atomic_path(path) as part:
        # File names may not be valid Unicode.
        part.write_text(page, encoding="utf-8", errors="backslashreplace")


def _row(folder: Path, name: str, outcome: Mapping[str, Any]) -> str:
    cells = [f"<td>{_link(folder, name, '', name)}"]
    cells += [f'<td class="n">{outcome.get(key, "")}' for key in ("frames", "objects", "seconds")]
    if outcome.get("error") is not None:
        cells.append(f'<td class="bad">{html.escape(str(outcome["error"]))}')
    else:
        links = [_link(folder, name, "overlay.mp4", "overlay")]
        if (folder / name / "sheet/contact_sheet.jpg").exists():
            image = f'<img alt="" loading="lazy" src="{_url(name, "sheet/contact_sheet.jpg")}">'
            links.append(_link(folder, name, "sheet/contact_sheet.jpg", image, is_html=True))
        cells.append(f"<td>{'<br>'.join(filter(None, links))}")
    return f"<tr>{''.join(cells)}</tr>"


def _link(folder: Path, name: str, file: str, text: str, *, is_html: bool = False) -> str:
    """A link if the file exists; otherwise the text, or nothing for a file in the folder."""
    shown = text if is_html else html.escape(text)
    if (folder / name / file).exists():
        return f'<a href="{_url(name, file)}">{shown}</a>'
    return "" if file else shown


def _url(name: str, file: str) -> str:
    # The bytes of the name as on disk, whatever the encoding.
    parts = (name.encode(errors="surrogateescape"), file.encode())
    return html.escape("/".join(map(urllib.parse.quote_from_bytes, parts)))
