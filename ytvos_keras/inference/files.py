"""From files to files: frames and first masks in, masks and an overlay video out."""

import dataclasses
import functools
import logging
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.inputs import Inputs, check_files
from ytvos_keras.inference.resume import ResumeFile, fingerprint
from ytvos_keras.media.masks import read_mask, write_mask
from ytvos_keras.media.overlay import overlay as draw_overlay
from ytvos_keras.media.video import VideoWriter

OVERLAY_NAME = "overlay.mp4"
FOLDER_FPS = 24  # of the overlay of a folder of frames, which has no speed of its own; as in DAVIS
SAVE_EVERY = 50  # frames

Progress = Callable[..., None]
"""Called with a stage, the number of steps done and in all (None if unknown)."""

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SegmentedFiles:
    """What `segment_files` wrote.

    Attributes:
        masks: the folder of palette PNGs, one for each segmented frame.
        frame_count: number of segmented frames, and of masks.
        resumed_from: frames that an earlier, interrupted run had done.
        overlay: the overlay video, None if it was not asked for.
    """

    masks: Path
    frame_count: int
    resumed_from: int = 0
    overlay: Path | None = None


def segment_files(
    frames: str | Path,
    masks: str | Path,
    output: str | Path,
    model="s2s-lite",
    *,
    corrections: str | Path | None = None,
    size: tuple[int, int] | None = None,
    every: int = 1,
    online_learning: OnlineLearningConfig | None = None,
    overlay: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> SegmentedFiles:
    """Segment a video file or a folder of frames.

    Writes one palette PNG for each frame into `output`, named after the frame, at its native size,
    in the colours of the given mask if that is an index PNG and of DAVIS otherwise. The overlay is
    `overlay.mp4` in the same folder, made from the written masks; evaluation reads the PNGs only.
    With `every=N` frames 0, N, 2N … and those that a mask is given for are segmented and shown in
    the overlay, as if the others were not in the video: there are no masks for those.

    Every file appears whole or not at all. After an interruption (Ctrl-C, an error, a crash)
    the same call goes on where the last one stopped, with the same result as an uninterrupted run;
    a hidden file in `output` holds what is needed until the end.

    Args:
        frames: a video file, or a folder of JPEG or PNG frames; see `media.open_frames`.
        masks: a PNG for the first frame, or a folder of PNGs named after the frames in which
            objects first appear; see `first_masks.open_first_masks`.
        output: the folder to write to; it is made if it does not exist.
        model: an `S2S`, or what `ytvos_keras.load` takes.
        corrections: a folder of PNGs named after frames in which followed objects begin anew; see
            `corrections.open_corrections`.
        size: working (height, width); see `Segmenter`.
        every: segment every N-th frame.
        online_learning: how to learn the objects of the video; see `Segmenter`.
        overlay: whether to write the overlay video.
        overwrite: begin from the start, also in a folder that is not empty. Files of the same
            names are replaced, others are left alone.
        on_progress: called after every frame with "masks" or "overlay", the number of frames done,
            and of all frames (None if unknown). In online learning: with "learning", the numbers of
            steps, and the loss.

    Returns:
        What was written.

    Raises:
        InputError: something given cannot be used. Paths and masks are checked first, before
            anything is written.

    Example:
        >>> segment_files("clip.mp4", "first.png", "masks").frame_count
        88
    """
    output = Path(output)
    inputs = check_files(
        frames, masks, output, corrections=corrections, every=every, overwrite=overwrite
    )

    # Only now: TensorFlow takes seconds to load, a wrong path should not.
    from ytvos_keras.inference.segmenter import Segmenter

    model = load_model(model) if isinstance(model, str | Path) else model
    segmenter = Segmenter(model, size, online_learning=online_learning)
    return segment_inputs(
        inputs, output, segmenter, overlay=overlay, overwrite=overwrite, on_progress=on_progress
    )


def segment_inputs(
    inputs: Inputs,
    output: Path,
    segmenter,
    *,
    overlay: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> SegmentedFiles:
    """Do the work of `segment_files` on checked inputs.

    Args:
        inputs: from `check_files`.
        output: as for `segment_files`.
        segmenter: a fresh or `reset` `Segmenter`.
        overlay: as for `segment_files`.
        overwrite: likewise.
        on_progress: likewise.
    """
    resume = ResumeFile(output, fingerprint(inputs, segmenter))
    if not overwrite and (state := resume.load()) is not None:
        segmenter.restore(state)
        logger.info("going on after %d frames of an earlier run", segmenter.frame_count)
    start = segmenter.frame_count
    report = on_progress or (lambda *_: None)
    segmenter.on_learning = functools.partial(report, "learning")
    _write_masks(inputs, output, segmenter, resume, report)
    path = _write_overlay(inputs, output, report) if overlay else None
    resume.remove()
    return SegmentedFiles(output, segmenter.frame_count, start, path)


def load_model(name: str | Path):
    """Return the model of a preset or a file, as `ytvos_keras.load`."""
    from ytvos_keras.models.presets import load  # imports TensorFlow

    return load(name)


def _write_masks(inputs: Inputs, output: Path, segmenter, resume: ResumeFile, report) -> None:
    output.mkdir(parents=True, exist_ok=True)
    done = segmenter.video  # the state after the last mask that is on disk
    resume.save(segmenter.state(done))
    try:
        for index, name, frame in inputs.read(done.frame_count):
            labels = _segment_one(segmenter, inputs, index, name, frame)
            write_mask(output / f"{name}.png", labels, inputs.first_masks.palette)
            done = segmenter.video
            if done.frame_count % SAVE_EVERY == 0:
                resume.save(segmenter.state(done))
            report("masks", done.frame_count, inputs.count)
    except BaseException:  # Ctrl-C too
        if done.frame_count:
            resume.save(segmenter.state(done))
        else:
            resume.remove()
        raise
    resume.save(segmenter.state(done))  # the overlay may be interrupted, too
    given = inputs.first_masks.files | inputs.corrections.files
    unused = sorted(index for index in given if index >= inputs.index_after(done.frame_count))
    if unused:  # a video whose header does not say, or not truly, how long it is
        warnings.warn(
            f"{given[unused[0]]}: not used, the video ends before this frame.", stacklevel=4
        )


def _segment_one(segmenter, inputs: Inputs, index: int, name: str, frame: np.ndarray) -> np.ndarray:
    try:
        if (label_map := inputs.first_masks.read(index)) is not None:
            segmenter.add_new_objects(label_map)
        if (label_map := inputs.corrections.read(index)) is not None:
            segmenter.add_objects(label_map)
        return segmenter.step(frame)
    except InputError as error:
        raise InputError(f"{inputs.source.path}, {name}: {error}") from error


def _write_overlay(inputs: Inputs, output: Path, report) -> Path:
    path, palette = output / OVERLAY_NAME, inputs.first_masks.palette
    fps = inputs.source.fps or Fraction(FOLDER_FPS)
    with VideoWriter(path, fps / inputs.every) as video:
        for number, (name, time, frame) in enumerate(inputs.read_with_times(), start=1):
            labels, _ = read_mask(output / f"{name}.png", allow_empty=True)
            video.write(draw_overlay(frame, labels, palette), time)
            report("overlay", number, inputs.count)
    return path
