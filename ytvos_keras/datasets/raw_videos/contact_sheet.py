"""Contact sheets of all clips, for visual inspection."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ytvos_keras.datasets.raw_videos.clip import Clip
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.pictures import load_picture

_THUMBNAILS = 6
_THUMBNAIL = (192, 108)  # width, height in pixels; other aspect ratios are fitted into it
_GAP = 4
_TEXT_WIDTH = 330
_ROW = _THUMBNAIL[1] + 2 * _GAP
_ROWS_A_PAGE = 12
_PAPER, _INK, _FAINT = (250, 250, 250), (20, 20, 20), (110, 110, 110)
_REJECTED, _KEPT = (190, 20, 20), (20, 120, 50)
_REJECTED_PAPER, _AROUND = (252, 228, 226), (225, 225, 225)


class Strip:
    """Small frames of a clip side by side, evenly spaced from the first to the last."""

    def __init__(self, frame_count: int):
        self._indexes = np.linspace(0, frame_count - 1, _THUMBNAILS).round().astype(int).tolist()
        self._frames: list[Image.Image] = []

    def add(self, index: int, frame: np.ndarray) -> None:
        """Add a frame, uint8 (H, W, 3), RGB, if it is one of those shown."""
        # A clip of fewer than six frames has repeated indexes; each frame is shown once.
        if index in self._indexes:
            image = Image.fromarray(frame)
            self._frames.append(ImageOps.pad(image, _THUMBNAIL, Image.Resampling.LANCZOS, _AROUND))

    def picture(self) -> Image.Image:
        """The strip."""
        width, height = _THUMBNAIL
        strip = Image.new("RGB", (len(self._frames) * (width + _GAP) - _GAP, height), _PAPER)
        for place, frame in enumerate(self._frames):
            strip.paste(frame, (place * (width + _GAP), 0))
        return strip


def write_contact_sheets(
    folder: Path, clips: Sequence[Clip], strips: Sequence[Path]
) -> tuple[Path, ...]:
    """Write `contact_sheet_01.jpg`, …: one row per clip, with times, measures and small frames.

    Clips proposed for rejection have a red background and their reasons; those whose frames were
    left out are marked. All clips must be measured; `strips` are the files of their strips. Returns
    the pages, with twelve clips on each.
    """
    pages: list[Path] = []
    for first in range(0, len(clips), _ROWS_A_PAGE):
        rows = slice(first, first + _ROWS_A_PAGE)
        path = folder / f"contact_sheet_{len(pages) + 1:02d}.jpg"
        with atomic_path(path) as part:
            _page(clips[rows], strips[rows]).save(part, format="JPEG", quality=90)
        pages.append(path)
    return tuple(pages)


def _page(clips: Sequence[Clip], strips: Sequence[Path]) -> Image.Image:
    width = _TEXT_WIDTH + _THUMBNAILS * (_THUMBNAIL[0] + _GAP) + _GAP
    page = Image.new("RGB", (width, len(clips) * (_ROW + _GAP) + _GAP), (200, 200, 200))
    draw = ImageDraw.Draw(page)
    for place, (clip, strip) in enumerate(zip(clips, strips, strict=True)):
        top = _GAP + place * (_ROW + _GAP)
        paper = _REJECTED_PAPER if clip.reasons else _PAPER
        draw.rectangle((0, top, width, top + _ROW - 1), fill=paper)
        _write_text(draw, clip, top + _GAP)
        page.paste(load_picture(strip), (_TEXT_WIDTH, top + _GAP))
        if clip.reasons:
            draw.rectangle((0, top, width - 1, top + _ROW - 1), outline=_REJECTED, width=2)
    return page


def _write_text(draw: ImageDraw.ImageDraw, clip: Clip, top: int) -> None:
    quality = clip.quality
    assert quality is not None  # the clip has been cut
    measures = (
        f"brightness {quality.brightness:.0f}   blur {quality.blur:.1f} px   "
        f"shake {quality.shake:.1f} %"
    )
    times = (
        f"{_clock(clip.start)} to {_clock(clip.end)}   {float(clip.end - clip.start):.1f} s   "
        f"{clip.frame_count} frames, {clip.annotated_count} to annotate"
    )
    lines = [(clip.name, 15, _INK), (clip.video, 12, _FAINT)]
    lines += [(times, 12, _INK), (measures, 12, _INK)]
    if clip.reasons:
        verdict = "reject?" if clip.written else "left out"
        lines += [(f"{verdict}  {reason}", 12, _REJECTED) for reason in clip.reasons]
    else:
        lines += [("keep", 12, _KEPT) if clip.written else ("removed by hand", 12, _REJECTED)]
    for text, size, colour in lines:
        font = ImageFont.load_default(size)
        draw.text((8, top), _shortened(text, font, _TEXT_WIDTH - 16), font=font, fill=colour)
        top += size + 3


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Cut the middle out of a text that is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    keep = len(text)
    while font.getlength(short := f"{text[: keep // 2]}...{text[-(keep // 2) :]}") > width:
        keep -= 1
    return short


def _clock(time) -> str:
    """Write seconds as minutes and seconds: 1:05.3."""
    minutes, seconds = divmod(round(float(time) * 10), 600)
    return f"{minutes}:{seconds / 10:04.1f}"
