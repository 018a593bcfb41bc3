"""One pass through the frames of a video: masks to a folder, resumable."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.inputs import Inputs
from ytvos_keras.inference.probability_files import ProbabilityFiles
from ytvos_keras.inference.resume import ResumeFile
from ytvos_keras.media.masks import write_mask

SAVE_EVERY = 50  # frames

Frames = Iterator[tuple[int, str, np.ndarray]]
Finish = Callable[[int, str, np.ndarray], np.ndarray]


def run_pass(
    inputs: Inputs,
    segmenter,
    folder: Path,
    resume: ResumeFile,
    read: Callable[[int], Frames],
    *,
    report: Callable[[int], None],
    gives: bool = True,
    keeps: bool = False,
    finish: Finish | None = None,
    probabilities: ProbabilityFiles | None = None,
) -> None:
    """Segment frames and write a palette PNG for each; resume where an earlier run stopped.

    Args:
        inputs: the checked inputs.
        segmenter: a `Segmenter` in the state from which to continue.
        folder: folder for the masks; created if it does not exist.
        resume: file that keeps the state for resuming.
        read: yields (index, name, frame) of the frames after the first N.
        report: called after each frame with the number of frames done.
        gives: whether to use the given masks; otherwise every mask is empty.
        keeps: whether to keep the state even if no frame is done, since an earlier pass is.
        finish: maps (index, name, label map) to the label map to write.
        probabilities: output for the probabilities of each frame; None for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = segmenter.video  # the state after the last mask that is on disk
    # Before the first mask: this file marks the folder as that of an unfinished run.
    resume.save(segmenter.state(done))
    try:
        for index, name, frame in read(done.frame_count):
            labels = _segment_one(segmenter, inputs, index, name, frame, gives)
            resume.confidence.add(name, segmenter.confidence)
            if probabilities is not None:
                probabilities.write(name, segmenter.probabilities, labels.shape)
            if finish is not None:
                labels = finish(index, name, labels)
            # The last file of a frame: a frame counts as done once its mask exists.
            write_mask(folder / f"{name}.png", labels, inputs.first_masks.palette)
            done = segmenter.video
            # Not after every frame: the bank of `s2s-lite` takes megabytes for each object.
            if done.frame_count % SAVE_EVERY == 0:
                resume.save(segmenter.state(done))
            report(done.frame_count)
    except BaseException:  # Ctrl-C too
        # The state after the last mask, not the current one: a step may have been interrupted.
        if done.frame_count or keeps:
            resume.save(segmenter.state(done))
        else:
            # Nothing is worth resuming, so the same folder can be used again.
            resume.remove()
        raise
    resume.save(segmenter.state(done))


def _segment_one(
    segmenter, inputs: Inputs, index: int, name: str, frame: np.ndarray, gives: bool
) -> np.ndarray:
    try:
        given = inputs.given(index) if gives else None
        if given is not None and given.any():
            segmenter.add_objects(given, indexed=True)  # checked when opened
        return segmenter.step(frame)
    except InputError as error:
        raise InputError(f"{inputs.source.path}, {name}: {error}") from error
