"""Many videos, one after the other, with one model."""

import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.batch_files import BatchVideo, list_batch
from ytvos_keras.inference.files import OVERLAY_NAME, Progress, load_model, segment_inputs
from ytvos_keras.inference.inputs import check_files
from ytvos_keras.inference.resume import RESUME_NAME, fingerprint
from ytvos_keras.media.json_file import write_json

SUMMARY_NAME = "summary.json"

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class VideoOutcome:
    """What became of one video of a batch.

    Attributes:
        name: of the video.
        frames: number of masks written, in earlier runs too.
        objects: number of objects followed.
        seconds: that this run spent on it.
        error: what went wrong, in one line; None if nothing did.
        fingerprint: of frames, masks, model and options, to know a finished video again.
        from_earlier_run: whether it was finished before this run.
    """

    name: str
    frames: int = 0
    objects: int = 0
    seconds: float = 0.0
    error: str | None = None
    fingerprint: str | None = None
    from_earlier_run: bool = False


def segment_batch(
    videos: str | Path,
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
    progress: Callable[[str], contextlib.AbstractContextManager[Progress | None]] | None = None,
) -> list[VideoOutcome]:
    """Segment every video of a folder as `segment_files` does one.

    What goes wrong with one video, whatever it is, is logged and does not stop the others.
    `summary.json` in `output` says what became of each, also during the run. The same call again
    leaves finished videos as they are, resumes an interrupted one, and tries failed ones again.

    Args:
        videos: a folder of folders of frames and of video files.
        masks: a folder with `<name>.png` or `<name>/` for each video.
        output: a folder; the masks of each video go to `<name>/` in it.
        model: an `S2S`, or what `ytvos_keras.load` takes.
        corrections: a folder with `<name>/` for those videos that have any.
        size: as for `segment_files`.
        every: likewise.
        online_learning: likewise.
        overlay: likewise.
        overwrite: likewise; finished videos are segmented again, too.
        progress: called with the name of each video before its work; the context that it returns
            gives the `on_progress` of that video.

    Returns:
        The outcome of each video, in natural order of the names.

    Raises:
        InputError: the folders cannot be used, or a batch of others is in `output`.

    Example:
        >>> outcomes = segment_batch("JPEGImages", "Annotations", "masks")
        >>> [outcome.name for outcome in outcomes if outcome.error]
        []
    """
    batch = list_batch(videos, masks, output, corrections)

    # Only now: TensorFlow takes seconds to load, a wrong path should not.
    from ytvos_keras.inference.segmenter import Segmenter

    model = load_model(model) if isinstance(model, str | Path) else model
    segmenter = Segmenter(model, size, online_learning=online_learning)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    before = {} if overwrite else _read_summary(output / SUMMARY_NAME)
    progress = progress or (lambda name: contextlib.nullcontext())
    options = {"every": every, "overlay": overlay, "overwrite": overwrite}
    outcomes = []
    for video in batch:
        outcomes.append(
            _try_to_segment(video, segmenter, before.get(video.name), progress, options)
        )
        kept = {outcome.name: _to_json(outcome) for outcome in outcomes}
        write_json(output / SUMMARY_NAME, before | kept)
    return outcomes


def _try_to_segment(
    video: BatchVideo, segmenter, before: dict | None, progress, options: dict
) -> VideoOutcome:
    start = time.perf_counter()
    segmenter.reset()
    try:
        outcome = _segment_video(video, segmenter, before, progress, **options)
    except Exception as error:
        message = " ".join(str(error).split())
        if not isinstance(error, InputError | OSError):  # a bug, but of this video alone
            message = f"{type(error).__name__}: {message}"
            logger.debug("%s", video.name, exc_info=True)
        logger.error("%s: %s", video.name, message)
        frames, objects = segmenter.frame_count, len(segmenter.object_ids)
        outcome = VideoOutcome(video.name, frames, objects, error=message)
    return dataclasses.replace(outcome, seconds=time.perf_counter() - start)


def _segment_video(
    video: BatchVideo, segmenter, before, progress, *, every: int, overlay: bool, overwrite: bool
) -> VideoOutcome:
    finished = _is_finished(video, before, overlay)
    inputs = check_files(
        video.frames,
        video.masks,
        video.output,
        corrections=video.corrections,
        every=every,
        overwrite=overwrite or finished,
    )
    digest = fingerprint(inputs, segmenter)
    objects = len(inputs.first_masks.begins)
    if finished and before["fingerprint"] == digest:
        frames = before["frames"]
        return VideoOutcome(video.name, frames, objects, fingerprint=digest, from_earlier_run=True)
    if finished:
        raise InputError(
            f"{video.output}: was made from other frames, masks, model or options; give another "
            "folder, or --overwrite (in Python: overwrite=True) to begin again."
        )
    with progress(video.name) as on_progress:
        result = segment_inputs(
            inputs,
            video.output,
            segmenter,
            overlay=overlay,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    return VideoOutcome(video.name, result.frame_count, objects, fingerprint=digest)


def _is_finished(video: BatchVideo, before: dict | None, overlay: bool) -> bool:
    """Whether an earlier run says so, and its folder holds what this run is to write."""
    if before is None or before.get("error") is not None or not video.output.is_dir():
        return False
    if overlay and not (video.output / OVERLAY_NAME).exists():
        return False
    return not (video.output / RESUME_NAME).exists()


def _read_summary(path: Path) -> dict[str, dict]:
    """Return the outcomes of an earlier run by name; none if there is no such file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: dict(outcome) for name, outcome in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not the summary of a batch; give another folder for the masks, or "
            "--overwrite (in Python: overwrite=True) to replace it."
        ) from error


def _to_json(outcome: VideoOutcome) -> dict:
    content = dataclasses.asdict(outcome)
    del content["name"], content["from_earlier_run"]
    return content | {"seconds": round(outcome.seconds, 2)}
