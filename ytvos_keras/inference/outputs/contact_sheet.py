"""A contact sheet: frames from the whole video with their masks in one image."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.overlay import overlay

_CELLS = 30
_WIDTH = 320  # pixels of a cell
_CAPTION = 18


class ContactSheet(OutputWriter):
    """A JPEG of up to 30 frames, evenly spaced, each with its name and the objects in it.

    If `count`, the number of frames, is unknown, frames are collected and thinned out on the way.
    """

    def __init__(self, path: Path, style: ObjectStyle, count: int | None):
        super().__init__(path)
        self._style = style
        self._step = max(1, math.ceil(count / _CELLS)) if count else 1
        self._cells: list[Image.Image] = []
        self._seen = 0

    def write(self, item: MaskedFrame) -> None:
        if self._seen % self._step == 0:
            self._cells.append(self._cell(item))
            if len(self._cells) > 2 * _CELLS:
                # Keep every second cell and double the step, so that cells stay evenly spaced.
                self._cells, self._step = self._cells[::2], 2 * self._step
        self._seen += 1

    def _cell(self, item: MaskedFrame) -> Image.Image:
        shown = Image.fromarray(overlay(item.frame, item.labels, self._style.palette))
        shown.thumbnail((_WIDTH, 4 * _WIDTH), Image.Resampling.BOX)
        cell = Image.new("RGB", (shown.width, shown.height + _CAPTION), "white")
        cell.paste(shown, (0, _CAPTION))
        objects = ", ".join(map(self._style.name, ids_in(item.labels))) or "no object"
        text = f"{item.name}: {objects}"
        ImageDraw.Draw(cell).text((2, 1), text, "black", ImageFont.load_default(13))
        return cell

    def __exit__(self, kind, *_) -> None:
        if kind is not None or not self._cells:
            return
        if len(self._cells) > _CELLS:
            self._cells = self._cells[::2]
        columns = min(len(self._cells), 5 if self._cells[0].width >= self._cells[0].height else 8)
        rows = math.ceil(len(self._cells) / columns)
        width, height = (max(getattr(c, side) for c in self._cells) for side in ("width", "height"))
        sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 4)), "white")
        for place, cell in enumerate(self._cells):
            row, column = divmod(place, columns)
            sheet.paste(cell, (column * (width + 4), row * (height + 4)))
        self.path.parent.mkdir(exist_ok=True)
        with atomic_path(self.path) as part:
            sheet.save(part, format="JPEG", quality=88)
