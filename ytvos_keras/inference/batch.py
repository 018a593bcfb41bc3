"""Segment many videos with one model."""

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ytvos_keras.errors import InputError
from ytvos_keras.inference.batch_files import BatchVideo, list_batch
from ytvos_keras.inference.batch_summary import (
    SUMMARY_NAME,
    VideoOutcome,
    add_to_summary,
    read_summary,
)
from ytvos_keras.inference.file_segmentation import make_segmenter, segment_inputs
from ytvos_keras.inference.inputs import check_files
from ytvos_keras.inference.options import SegmentOptions
from ytvos_keras.inference.outputs.write_outputs import output_paths
from ytvos_keras.inference.resume import RESUME_NAME, fingerprint
from ytvos_keras.media.folder_lock import FolderInUseError
from ytvos_keras.processes import available_cores, map_in_processes
from ytvos_keras.progress import LearningProgress, silent
from ytvos_keras.quiet_import import import_tensorflow

ProgressFor = Callable[[str], contextlib.AbstractContextManager[LearningProgress]]
"""Returns the `on_progress` for the name of a video, as a context manager around its work."""

logger = logging.getLogger(__name__)


def _all_silent(name: str) -> contextlib.nullcontext[LearningProgress]:
    return contextlib.nullcontext(silent)


def segment_batch(
    videos: str | Path,
    masks: str | Path,
    output: str | Path,
    model="s2s-lite",
    *,
    corrections: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    jobs: int = 1,
    progress: ProgressFor = _all_silent,
    **options: Any,
) -> list[VideoOutcome]:
    """Segment every video of a folder with `segment_files`.

    Errors of one video are logged and do not stop the others. `summary.json` in `output` lists the
    outcome of each, and is updated during the run; `summary.html` shows it with contact sheets and
    overlays if there are any. Calling this again skips finished videos, resumes an interrupted one,
    and retries failed ones. Several processes may work on one batch: a video that another one is
    working on is skipped.

    Args:
        videos: a folder of folders of frames and of video files.
        masks: a folder with `<name>.png` or `<name>/` for each video.
        output: a folder; the masks of each video go to `<name>/` in it.
        model: an `S2S`, or an argument of `ytvos_keras.load`.
        corrections: a folder with `<name>/` for those videos that have any.
        shard: (I, N): only every N-th video, beginning with the I-th, I from 1.
        jobs: number of processes, each with a share of the cores; the model must then be a name or
            a path, and a script needs `if __name__ == "__main__":` around its code.
        progress: called with the name of each video before its work, if `jobs` is 1; the context
            manager that it returns yields the `on_progress` of that video.
        options: those of `SegmentOptions`, by name; with `overwrite`, finished videos are segmented
            again too.

    Returns:
        Outcome of each video of the shard, in natural order of the names.

    Raises:
        InputError: the folders cannot be used, or `output` contains another batch.

    Example:
        >>> outcomes = segment_batch("JPEGImages", "Annotations", "masks")
        >>> [outcome.name for outcome in outcomes if outcome.error]
        []
    """
    chosen = SegmentOptions(**options)
    batch = _sharded(list_batch(videos, masks, output, corrections), shard)
    if not batch:  # more shards than videos
        return []
    if jobs > 1:
        return _in_processes(batch, Path(output), model, chosen, jobs)

    segmenter = make_segmenter(model, chosen)
    return _run(batch, Path(output), segmenter, chosen, progress)


def _run(
    batch: Sequence[BatchVideo],
    output: Path,
    segmenter,
    options: SegmentOptions,
    progress: ProgressFor = _all_silent,
) -> list[VideoOutcome]:
    output.mkdir(parents=True, exist_ok=True)
    summary = output / SUMMARY_NAME
    if options.overwrite:
        _remove_unusable(summary)
    outcomes = []
    for video in batch:
        # For every video: other processes of the batch may have finished it by now.
        known = None if options.overwrite else read_summary(summary).get(video.name)
        outcome = _try_to_segment(video, segmenter, known, progress, options)
        outcomes.append(outcome)
        # An error before anything was written, such as one about the options, undoes nothing.
        stands = (
            outcome.error is not None
            and not options.overwrite
            and _has_masks(video, read_summary(summary).get(video.name))
        )
        if not (outcome.busy or stands):
            add_to_summary(output, outcome)
    return outcomes


def _remove_unusable(summary: Path) -> None:
    try:
        read_summary(summary)
    except InputError:
        summary.unlink(missing_ok=True)  # another process may have removed it


def _sharded(batch: list[BatchVideo], shard: tuple[int, int] | None) -> list[BatchVideo]:
    if shard is None:
        return batch
    index, count = shard
    if not 1 <= index <= count:
        raise InputError(f"a shard is I/N with I from 1 to N. Received: {index}/{count}")
    return batch[index - 1 :: count]


def _in_processes(
    batch: list[BatchVideo],
    output: Path,
    model: str | Path,
    options: SegmentOptions,
    jobs: int,
) -> list[VideoOutcome]:
    if not isinstance(model, str | Path):
        raise InputError("jobs need the name or path of a model, because each process loads it.")
    jobs = min(jobs, len(batch))
    threads = max(1, available_cores() // jobs)
    work = [(batch[i::jobs], output, str(model), options, threads) for i in range(jobs)]
    results = map_in_processes(_process, work, jobs, what="segments videos")
    outcomes = {outcome.name: outcome for part in results for outcome in part}
    return [outcomes[video.name] for video in batch]


def _process(
    work: tuple[list[BatchVideo], Path, str, SegmentOptions, int],
) -> list[VideoOutcome]:
    """Run one of several processes: its share of the videos, with its share of the cores."""
    batch, output, model, options, threads = work
    # Before the import: TensorFlow reads these once.
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import_tensorflow()
    return _run(batch, output, make_segmenter(model, options), options)


def _try_to_segment(
    video: BatchVideo, segmenter, before: dict | None, progress, options: SegmentOptions
) -> VideoOutcome:
    start = time.perf_counter()
    segmenter.reset()
    try:
        outcome = _segment_video(video, segmenter, before, progress, options)
    except FolderInUseError:
        logger.info("%s: another process is working on it", video.name)
        outcome = VideoOutcome(video.name, busy=True)
    except Exception as error:
        message = " ".join(str(error).split())
        if not isinstance(error, InputError | OSError):  # a bug, but limited to this video
            message = f"{type(error).__name__}: {message}"
            logger.debug("%s", video.name, exc_info=True)
        logger.error("%s: %s", video.name, message)
        frames, objects = len([*video.output.glob("*.png")]), len(segmenter.object_ids)
        outcome = VideoOutcome(video.name, frames, objects, error=message)
    return dataclasses.replace(outcome, seconds=time.perf_counter() - start)


def _segment_video(
    video: BatchVideo, segmenter, before, progress, options: SegmentOptions
) -> VideoOutcome:
    if options.coco is not None:  # one file per video
        options = dataclasses.replace(options, coco=video.output / Path(options.coco).name)
    finished = _is_finished(video, before, options)
    inputs = check_files(
        video.frames,
        video.masks,
        video.output,
        corrections=video.corrections,
        # A finished folder is not empty, which would be an error; nothing is overwritten below.
        options=dataclasses.replace(options, overwrite=options.overwrite or finished),
    )
    digest = fingerprint(inputs, segmenter, options)
    objects = len(inputs.first_masks.begins)
    if finished and before["fingerprint"] == digest:
        return VideoOutcome(
            video.name,
            before["frames"],
            objects,
            fingerprint=digest,
            from_earlier_run=True,
            damaged=tuple(before.get("damaged", ())),
        )
    if finished:
        raise InputError(
            f"{video.output}: was made from other frames, masks, model or options; give another "
            "folder, or --overwrite (in Python: overwrite=True) to start over."
        )
    with progress(video.name) as on_progress:
        result = segment_inputs(inputs, video.output, segmenter, options, on_progress=on_progress)
    return VideoOutcome(
        video.name, result.frame_count, objects, fingerprint=digest, damaged=result.damaged
    )


def _is_finished(video: BatchVideo, before: dict | None, options: SegmentOptions) -> bool:
    """Whether an earlier run finished the video, and its folder has all requested outputs."""
    outputs = output_paths(video.output, options).values()
    return _has_masks(video, before) and all(path.exists() for path in outputs)


def _has_masks(video: BatchVideo, before: dict | None) -> bool:
    """Whether an earlier run finished the video, and its masks still exist."""
    if before is None or before.get("error") is not None:
        return False
    return any(video.output.glob("*.png")) and not (video.output / RESUME_NAME).exists()
