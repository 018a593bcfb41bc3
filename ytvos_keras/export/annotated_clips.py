"""Annotated clips for calibrating and measuring deployed models."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.sequence_folders import check_is_folder, list_sequences, mask_files
from ytvos_keras.errors import InputError
from ytvos_keras.media import open_frames, read_mask
from ytvos_keras.media.listing import child, plain_name

_DEMO = Path(__file__).parent.parent / "assets" / "demo"


@dataclasses.dataclass(frozen=True)
class Clip:
    """A video and the masks of some of its frames, at least the first.

    Attributes:
        name: Name for messages.
        path: A video file or a folder of frames.
        masks: Index PNGs by frame name, see `plain_name`.
    """

    name: str
    path: Path
    masks: dict[str, Path]

    @property
    def has_truth(self) -> bool:
        """Whether there are masks to score against, besides the first and the last."""
        # DAVIS excludes the first frame, which is given, and the last.
        return len(self.masks) > 2

    def frames(self, limit: int | None = None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield (frame, label map or None): uint8 (H, W, 3), RGB, and uint8 (H, W)."""
        for number, (name, frame) in enumerate(open_frames(self.path)):
            if number == limit:
                return
            name = plain_name(name)
            if number == 0 and name not in self.masks:
                raise InputError(f"{self.name}: the first frame, {name}, has no mask; add it.")
            mask = None
            if name in self.masks:
                mask, _ = read_mask(self.masks[name], allow_empty=number > 0)
            yield frame, mask


def bundled_clip() -> Clip:
    """The bundled clip; only its first frame has a mask."""
    path = _DEMO / "bunny.mp4"
    name = next(iter(open_frames(path)))[0]
    return Clip("the bundled clip", path, {name: _DEMO / "bunny_first_mask.png"})


def clips_to_score(clips: Sequence[Clip]) -> Sequence[Clip]:
    """The clips with ground truth; if there are none, all clips."""
    return [clip for clip in clips if clip.has_truth] or clips


def find_clips(folder: str | Path) -> list[Clip]:
    """The videos in `JPEGImages/` and `Annotations/` of a folder, with a subfolder each."""
    folder = Path(folder)
    check_is_folder(folder)
    masks = folder / "Annotations"
    return [
        Clip(name, child(folder / "JPEGImages", name), mask_files(masks / name))
        for name in list_sequences(masks)
    ]
