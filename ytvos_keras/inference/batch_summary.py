"""Outcomes of a batch: `summary.json` and an HTML page."""

import dataclasses
from pathlib import Path
from typing import Any

import natsort

from ytvos_keras.errors import InputError
from ytvos_keras.inference.batch_page import write_page
from ytvos_keras.media.folder_lock import folder_lock
from ytvos_keras.media.json_file import read_json, write_json
from ytvos_keras.media.json_value import JsonValue

SUMMARY_NAME = "summary.json"
PAGE_NAME = "summary.html"


@dataclasses.dataclass(frozen=True)
class VideoOutcome:
    """Outcome of one video of a batch.

    Attributes:
        name: name of the video.
        frames: number of masks written, including those of earlier runs.
        objects: number of tracked objects.
        seconds: time spent on it in this run.
        error: one-line error; None for success.
        fingerprint: digest of frames, masks, model and options, to recognize a finished video.
        from_earlier_run: whether it was finished before this run.
        damaged: frames that could not be decoded (with `on_damage="skip"`).
        busy: whether it was skipped because another process was working on it.
    """

    name: str
    frames: int = 0
    objects: int = 0
    seconds: float = 0.0
    error: str | None = None
    fingerprint: str | None = None
    from_earlier_run: bool = False
    busy: bool = False
    damaged: tuple[str, ...] = ()


_MEMBERS = ("frames", "objects", "seconds", "error", "fingerprint", "damaged")


def add_to_summary(output: Path, outcome: VideoOutcome) -> None:
    """Add an outcome to the summary and the page, next to those of other processes."""
    with folder_lock(output, ".ytvos-summary-lock", wait=True):
        # Read again under the lock: other processes of the batch write to the same file.
        summary = read_summary(output / SUMMARY_NAME) | {outcome.name: _to_json(outcome)}
        summary = dict(natsort.natsorted(summary.items(), key=lambda item: item[0]))
        write_json(output / SUMMARY_NAME, summary)
        write_page(output / PAGE_NAME, summary)


def read_summary(path: Path) -> dict[str, dict]:
    """Return the outcomes of an earlier run by name; none if there is no such file."""
    if not path.exists():
        return {}
    try:
        content = JsonValue(read_json(path))
        return {name: _checked(outcome) for name, outcome in content.members()}
    except InputError as error:
        raise InputError(
            f"{path}: is not the summary of a batch; give another folder for the masks, or "
            "--overwrite (in Python: overwrite=True) to replace it."
        ) from error


def _checked(outcome: JsonValue) -> dict[str, Any]:
    """Check the type of every member of an outcome, and drop unknown members."""
    outcome.member("frames").whole()
    outcome.member("objects").whole()
    outcome.member("seconds").number(0)
    for name in ("error", "fingerprint"):
        if outcome.member(name).value is not None:
            outcome.member(name).text()
    table = outcome.table()
    if "damaged" in table:
        outcome.member("damaged").texts()
    return {name: value for name, value in table.items() if name in _MEMBERS}


def _to_json(outcome: VideoOutcome) -> dict:
    content = dataclasses.asdict(outcome)
    del content["name"], content["from_earlier_run"], content["busy"]
    return content | {"seconds": round(outcome.seconds, 2)}
