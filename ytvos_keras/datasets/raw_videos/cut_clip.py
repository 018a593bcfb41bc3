"""Write one clip, measure its quality, and draw its strip."""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.datasets.raw_videos.clip import Clip
from ytvos_keras.datasets.raw_videos.clips_folder import ALL_FRAMES, ANNOTATED, MASKS, ClipsFolder
from ytvos_keras.datasets.raw_videos.contact_sheet import Strip
from ytvos_keras.datasets.raw_videos.quality import ClipQuality, QualityLimits, QualityMeter
from ytvos_keras.datasets.raw_videos.settings import ANNOTATE_EVERY
from ytvos_keras.media.atomic import atomic_folder, atomic_path

_QUALITY = 95  # JPEG quality; the loss is invisible next to that of the video itself


def cut_clip(
    folder: ClipsFolder,
    clip: Clip,
    frames: Iterable[np.ndarray],
    limits: QualityLimits,
    leave_out_rejected: bool,
) -> tuple[ClipQuality, bool]:
    """Write a clip's frames, copies of every fifth, an empty folder for masks and a strip.

    The frames are uint8 (H, W, 3), RGB, 0–255. The folders are written atomically; of a rejected
    clip, only the strip is kept if `leave_out_rejected`. Returns the clip's measures, and whether
    its frames have been written.
    """
    meter, strip = QualityMeter(), Strip(clip.frame_count)
    every, annotated = (folder.root / place / clip.name for place in (ALL_FRAMES, ANNOTATED))
    for unfinished in (every, annotated):  # left by a run that was killed in between
        shutil.rmtree(unfinished, ignore_errors=True)
    # Judging a clip takes all its frames, which may not fit in memory, so they are written first.
    with contextlib.suppress(_LeftOut), atomic_folder(every) as a, atomic_folder(annotated) as b:
        for index, frame in enumerate(frames):
            meter.add(frame)
            strip.add(index, frame)
            _write_frame(frame, index, a, b)
        if leave_out_rejected and limits.reasons(meter.result()):
            raise _LeftOut
    with atomic_path(folder.strip(clip)) as part:
        strip.picture().save(part, format="JPEG", quality=90)
    if folder.holds(clip):
        (folder.root / MASKS / clip.name).mkdir(exist_ok=True)
    return meter.result(), folder.holds(clip)


class _LeftOut(Exception):
    """Raised to discard the folders of a rejected clip."""


def _write_frame(frame: np.ndarray, index: int, every: Path, annotated: Path) -> None:
    file = every / f"{index:05d}.jpg"
    Image.fromarray(frame).save(file, quality=_QUALITY)
    if index % ANNOTATE_EVERY == 0:
        shutil.copyfile(file, annotated / file.name)
