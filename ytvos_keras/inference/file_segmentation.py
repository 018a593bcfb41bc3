"""Segment files: frames and masks in, masks and other outputs out."""

import dataclasses
import functools
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ytvos_keras
from ytvos_keras.errors import InputError, and_more, counted
from ytvos_keras.inference.backward_pass import BackwardPass
from ytvos_keras.inference.box_masks import Boxes
from ytvos_keras.inference.confidence_log import FILE_NAME, ConfidenceLog
from ytvos_keras.inference.inputs import Inputs, check_files, is_free
from ytvos_keras.inference.model_digest import model_digest
from ytvos_keras.inference.options import SegmentOptions
from ytvos_keras.inference.outputs.write_outputs import output_paths, write_outputs
from ytvos_keras.inference.passes import run_pass
from ytvos_keras.inference.probability_files import ProbabilityFiles
from ytvos_keras.inference.resume import ResumeFile, fingerprint
from ytvos_keras.media.folder_lock import FolderInUseError, folder_lock
from ytvos_keras.progress import LearningProgress, Progress, silent

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SegmentedFiles:
    """Result of `segment_files`.

    Attributes:
        masks: the folder of palette PNGs, one for each segmented frame.
        frame_count: number of segmented frames, and of masks.
        resumed_from: number of frames done by an earlier, interrupted run.
        outputs: other outputs: kind to file or folder.
        lost: object id to the frames in which it is probably lost, if the model predicts
            confidence.
        damaged: names of the frames that could not be decoded (with `on_damage="skip"`).
    """

    masks: Path
    frame_count: int
    resumed_from: int = 0
    outputs: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    lost: Mapping[int, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def overlay(self) -> Path | None:
        """The overlay video, None if it was not requested."""
        return self.outputs.get("overlay")


def segment_files(
    frames: str | Path,
    masks: str | Path | Boxes,
    output: str | Path,
    model="s2s-lite",
    *,
    corrections: str | Path | None = None,
    box_model="s2s-lite-rough",
    on_progress: LearningProgress = silent,
    **options: Any,
) -> SegmentedFiles:
    """Segment a video file or a folder of frames.

    Writes one palette PNG for each frame into `output`, named after the frame, at its native size,
    with the palette of the given mask if that is an index PNG, otherwise that of DAVIS. Other
    outputs, such as `overlay.mp4`, are made from them in the same folder. With `every=N`, only
    every N-th frame from the first, and those with a given mask, are segmented and shown in the
    overlay.

    Files are written atomically. After an interruption (Ctrl-C, an error, a crash), the same call
    resumes where the last one stopped, with the same result as an uninterrupted run; the state is
    kept in a hidden file in `output` until the end.

    Args:
        frames: a video file, or a folder of frames; see `media.open_frames`.
        masks: a PNG for the first frame, or a folder of PNGs named after the frames in which
            objects first appear; see `first_masks.open_first_masks`. Or boxes around the objects in
            the first frame (or `mask_frame`): object id to (left, top, width, height), in pixels of
            the video. The masks found in them are written to `boxes/first_masks.png` in `output`;
            where they overlap, the smaller one is on top.
        output: the folder to write to; created if it does not exist.
        model: an `S2S`, or an argument of `ytvos_keras.load`.
        corrections: a folder of PNGs named after frames in which objects are corrected; see
            `corrections.open_corrections`.
        box_model: the model that finds masks in boxes, see `MaskFinder`; or an argument of
            `ytvos_keras.load`.
        on_progress: called after every frame with "masks" or "overlay", the number of frames done,
            and the total (None if unknown). In online learning: with "learning", the numbers of
            steps, and the loss. In a backward pass: with "backward".
        options: those of `SegmentOptions`, by name.

    Returns:
        Paths of the outputs, and facts about the run.

    Raises:
        InputError: an argument or a file cannot be used. Paths and masks are checked before
            anything is written.

    Example:
        >>> segment_files("clip.mp4", "first.png", "masks").frame_count
        88
        >>> segment_files("clip.mp4", {1: (110, 0, 235, 310)}, "more_masks").frame_count
        88
    """
    output, chosen = Path(output), SegmentOptions(**options)
    inputs = check_files(frames, masks, output, corrections=corrections, options=chosen)

    segmenter = make_segmenter(model, chosen)
    find_first_masks(inputs, output, box_model, overwrite=chosen.overwrite)
    return segment_inputs(inputs, output, segmenter, chosen, on_progress=on_progress)


def _name(model) -> str:
    """Identify a model, without loading it if it is given by name."""
    name = model if isinstance(model, str | Path) else model_digest(model)
    return f"{name}, {ytvos_keras.__version__}"


def find_first_masks(
    inputs: Inputs, output: Path, model="s2s-lite-rough", *, overwrite: bool = False
) -> None:
    """Find the masks of inputs with boxes, unless an interrupted run has found them.

    The model is the `box_model` of `segment_files`.
    """
    boxes = inputs.boxes
    if boxes is None:
        return
    name, labels = _name(model), None
    if overwrite or not boxes.path.exists():
        from ytvos_keras.inference.mask_finder import MaskFinder  # imports TensorFlow

        finder = load_model(model) if isinstance(model, str | Path) else model
        labels = boxes.find(MaskFinder(finder))
    output.mkdir(parents=True, exist_ok=True)
    with folder_lock(output):
        # Again, with the lock, since another run may have begun or finished there meanwhile.
        check_still_free(output, overwrite)
        boxes.check_place(overwrite=overwrite)
        if labels is not None and (overwrite or not boxes.path.exists()):
            boxes.write(labels, name)
        else:
            boxes.check_finder(name)
    logger.info(
        "%s: the masks found in the boxes; if one is wrong, correct it in this file and give the "
        "file as the mask of frame %d in place of the boxes",
        boxes.path,
        boxes.index,
    )


def make_segmenter(model, options: SegmentOptions):
    """Create a `Segmenter` from a model, or from an argument of `ytvos_keras.load`."""
    # Imported late: TensorFlow takes seconds, and a wrong path should fail at once.
    from ytvos_keras.inference.segmenter import Segmenter

    if isinstance(model, str | Path):
        model = load_model(model, options.precision)
    elif options.precision is not None:
        raise InputError(
            "precision is for a model given by name or path; or load the model in that precision: "
            "ytvos_keras.load(NAME, dtype=PRECISION)"
        )
    return Segmenter(model, options.size, online_learning=options.online_learning)


def segment_inputs(
    inputs: Inputs,
    output: Path,
    segmenter,
    options: SegmentOptions,
    *,
    on_progress: LearningProgress = silent,
) -> SegmentedFiles:
    """Run `segment_files` on inputs from `check_files`, with a fresh or `reset` `Segmenter`.

    The masks of inputs with boxes have been found, see `find_first_masks`.
    """
    segmenter.on_learning = functools.partial(on_progress, "learning")
    # Before anything is written: reading masks and weights may fail.
    digest = fingerprint(inputs, segmenter, options)
    output.mkdir(parents=True, exist_ok=True)
    with folder_lock(output):
        check_still_free(output, options.overwrite)
        start, confidence = _write_masks(inputs, output, segmenter, digest, options, on_progress)
        outputs = write_outputs(inputs, output, options, on_progress)
        confidence.write(output)
        # Hidden files last: until all outputs exist, the same call resumes.
        BackwardPass(inputs, output, digest).remove()
        ResumeFile(output, digest).remove()
    damaged = tuple(sorted(set(inputs.source.damaged)))
    if damaged:
        warnings.warn(
            f"{inputs.source.path}: frame {damaged[0]}{and_more(damaged[1:])} cannot be decoded; "
            "the previous frame was used instead.",
            stacklevel=3,
        )
    return SegmentedFiles(
        output, segmenter.frame_count, start, outputs, damaged, _report_lost(confidence)
    )


def check_still_free(output: Path, overwrite: bool) -> None:
    """Check again, with the lock, that a folder may be written to, since models load for seconds.

    Raises a `FolderInUseError` if another run has finished there since `check_output`.
    """
    if not overwrite and not is_free(output):
        raise FolderInUseError(
            f"{output}: another run has just finished there; give another folder, or --overwrite "
            "(in Python: overwrite=True)."
        )


def load_model(name: str | Path, precision: str | None = None):
    """Load the model of a preset or a file, like `ytvos_keras.load`."""
    from ytvos_keras.layers.native_types import warn_if_emulated  # imports TensorFlow
    from ytvos_keras.models import load

    warn_if_emulated(precision)
    return load(name, precision)


def _write_masks(
    inputs: Inputs, output: Path, segmenter, digest: str, options: SegmentOptions, report: Progress
) -> tuple[int, ConfidenceLog]:
    """Run all passes; return the number of frames done earlier, and all confidences."""
    finish = None
    resume = ResumeFile(output, digest)
    resume.damaged = inputs.source.damaged  # which grows while frames are read
    state = None if options.overwrite else resume.load()
    probabilities = None
    if "probabilities" in options.formats:
        path = output_paths(output, options)["probabilities"]
        probabilities = ProbabilityFiles(path, sorted(inputs.trusted), options.names)
    if inputs.direction != "forward":
        backward = BackwardPass(inputs, output, digest, probabilities)
        backward.run(segmenter, functools.partial(report, "backward"), resume, options.overwrite)
        # The backward masks are on disk: each is merged when the forward pass reaches its frame.
        finish = functools.partial(backward.merge, confidence=resume.confidence)
    if state is not None:
        segmenter.restore(state)
    if start := segmenter.frame_count:
        logger.info("resuming after %d frames of an earlier run", start)
    run_pass(
        inputs,
        segmenter,
        output,
        resume,
        inputs.read,
        report=lambda done: report("masks", done, inputs.count),
        gives=inputs.direction != "backward",
        keeps=finish is not None,
        finish=finish,
        probabilities=probabilities,
    )
    _warn_of_unused_masks(inputs, segmenter.frame_count)
    return start, resume.confidence


def _report_lost(confidence: ConfidenceLog) -> dict[int, list[str]]:
    lost = confidence.lost()
    for object_id, frames in lost.items():
        logger.info(
            "object %d is probably lost in %s, the first is %s; see %s",
            object_id,
            counted(len(frames), "frame"),
            frames[0],
            FILE_NAME,
        )
    return lost


def _warn_of_unused_masks(inputs: Inputs, done: int) -> None:
    given = inputs.first_masks.files | inputs.corrections.files
    unused = sorted(index for index in given if index >= inputs.index_after(done))
    if unused:  # a video whose header has a missing or wrong length
        warnings.warn(
            f"{given[unused[0]]}: not used, the video ends before this frame.", stacklevel=4
        )
