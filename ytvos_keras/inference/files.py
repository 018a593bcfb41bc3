"""From files to files: frames and first masks in, masks and an overlay video out."""

import dataclasses
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks, open_first_masks
from ytvos_keras.inference.resume import RESUME_NAME, ResumeFile, fingerprint
from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.frames import open_frames
from ytvos_keras.media.masks import read_mask, write_mask
from ytvos_keras.media.overlay import overlay as draw_overlay
from ytvos_keras.media.video import VideoWriter

OVERLAY_NAME = "overlay.mp4"
FOLDER_FPS = 24  # of the overlay of a folder of frames, which has no speed of its own; as in DAVIS
SAVE_EVERY = 50  # frames

Progress = Callable[[str, int, int | None], None]

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SegmentedFiles:
    """What `segment_files` wrote.

    Attributes:
        masks: the folder of palette PNGs, one for each frame.
        frame_count: number of frames, and of masks.
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
    size: tuple[int, int] | None = None,
    overlay: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> SegmentedFiles:
    """Segment a video file or a folder of frames.

    Writes one palette PNG for each frame into `output`, named after the frame, at its native size,
    in the colours of the given mask if that is an index PNG and of DAVIS otherwise. The overlay is
    `overlay.mp4` in the same folder, made from the written masks; evaluation reads the PNGs only.

    Every file appears whole or not at all. After an interruption (Ctrl-C, an error, a crash)
    the same call goes on where the last one stopped, with the same result as an uninterrupted run;
    a hidden file in `output` holds what is needed until the end.

    Args:
        frames: a video file, or a folder of JPEG or PNG frames; see `media.open_frames`.
        masks: a PNG for the first frame, or a folder of PNGs named after the frames in which
            objects first appear; see `first_masks.open_first_masks`.
        output: the folder to write to; it is made if it does not exist.
        model: an `S2S`, or what `ytvos_keras.load` takes.
        size: working (height, width); see `Segmenter`.
        overlay: whether to write the overlay video.
        overwrite: begin from the start, also in a folder that is not empty. Files of the same
            names are replaced, others are left alone.
        on_progress: called after every frame with "masks" or "overlay", the number of frames done,
            and of all frames (None if unknown).

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
    source, first_masks = check_files(frames, masks, output, overwrite=overwrite)

    # Only now: TensorFlow takes seconds to load, a wrong path should not.
    from ytvos_keras.inference.segmenter import Segmenter

    model = load_model(model) if isinstance(model, str | Path) else model
    segmenter = Segmenter(model, size)
    resume = ResumeFile(output, fingerprint(source, first_masks, model, size))
    if not overwrite and (state := resume.load()) is not None:
        segmenter.restore(state)
        logger.info("going on after %d frames of an earlier run", segmenter.frame_count)
    start = segmenter.frame_count
    report = on_progress or (lambda *_: None)
    _write_masks(source, first_masks, output, segmenter, resume, report)
    path = _write_overlay(source, first_masks, output, report) if overlay else None
    resume.remove()
    return SegmentedFiles(output, segmenter.frame_count, start, path)


def check_files(
    frames: str | Path, masks: str | Path, output: str | Path, *, overwrite: bool = False
) -> tuple[FrameSource, FirstMasks]:
    """Check what `segment_files` is given, without TensorFlow: nothing is written.

    Args:
        frames: as for `segment_files`.
        masks: likewise.
        output: likewise.
        overwrite: likewise.

    Returns:
        The opened frames and first masks.

    Raises:
        InputError: something given cannot be used.
    """
    source = open_frames(frames)
    first_masks = open_first_masks(masks, source)
    _check_output(Path(output), [Path(frames), Path(masks)], overwrite)
    return source, first_masks


def load_model(name: str | Path):
    """Return the model of a preset or a file, as `ytvos_keras.load`."""
    from ytvos_keras.models.presets import load  # imports TensorFlow

    return load(name)


def _write_masks(source, masks: FirstMasks, output: Path, segmenter, resume, report) -> None:
    output.mkdir(parents=True, exist_ok=True)
    done = segmenter.video  # the state after the last mask that is on disk
    resume.save(done.to_arrays())
    try:
        for name, frame in source.read(start=done.frame_count):
            labels = _segment_one(segmenter, masks, source, name, frame)
            write_mask(output / f"{name}.png", labels, masks.palette)
            done = segmenter.video
            if done.frame_count % SAVE_EVERY == 0:
                resume.save(done.to_arrays())
            report("masks", done.frame_count, source.count)
    except BaseException:  # Ctrl-C too
        if done.frame_count:
            resume.save(done.to_arrays())
        else:
            resume.remove()
        raise
    resume.save(done.to_arrays())  # the overlay may be interrupted, too
    unused = [str(file) for index, file in masks.files.items() if index >= done.frame_count]
    if unused:  # a video whose header does not say, or not truly, how long it is
        warnings.warn(
            f"{unused[0]}: not used, there are only {done.frame_count} frames.", stacklevel=3
        )


def _segment_one(
    segmenter, masks: FirstMasks, source: FrameSource, name: str, frame: np.ndarray
) -> np.ndarray:
    index = segmenter.frame_count
    try:
        if (label_map := masks.read(index)) is not None:
            segmenter.add_new_objects(label_map)
        return segmenter.step(frame)
    except InputError as error:
        raise InputError(f"{source.path}, {name}: {error}") from error


def _write_overlay(source: FrameSource, masks: FirstMasks, output: Path, report) -> Path:
    path = output / OVERLAY_NAME
    with VideoWriter(path, source.fps or FOLDER_FPS) as video:
        for number, (name, frame) in enumerate(source, start=1):
            labels, _ = read_mask(output / f"{name}.png", allow_empty=True)
            video.write(draw_overlay(frame, labels, masks.palette))
            report("overlay", number, source.count)
    return path


def _check_output(output: Path, inputs: list[Path], overwrite: bool) -> None:
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; give a folder for the masks.")
    places = [path if path.is_dir() else path.parent for path in inputs]
    if any(place.resolve() == output.resolve() for place in places):
        raise InputError(
            f"{output}: holds an input, which could be overwritten; give another folder."
        )
    if overwrite or not output.exists() or (output / RESUME_NAME).exists():
        return
    if any(not entry.name.startswith(".") for entry in output.iterdir()):
        raise InputError(
            f"{output}: is not empty; give another folder, or --overwrite (in Python: "
            "overwrite=True) to replace files of the same names."
        )
