"""The output folder of clips: YouTube-VOS layout, and the state for resuming."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import natsort

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.json_file import read_json, write_json
from ytvos_keras.media.json_value import JsonValue

ALL_FRAMES, ANNOTATED, MASKS = "JPEGImages_all_frames", "JPEGImages", "Annotations"
_STATE = ".clips"
_REMEDY = "remove it and run again"


class ClipsFolder:
    """Paths and records in the output folder, `root`.

    `JPEGImages_all_frames/<clip>/` contains all frames at 30 per second, `JPEGImages/<clip>/` every
    fifth, `Annotations/<clip>/` is for the masks. `.clips/` contains the settings, one record per
    video and a strip of small frames per clip.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self._settings = self.root / _STATE / "settings.json"

    def open(self, settings: ClipSettings) -> None:
        """Create the folders, or check that those of an earlier run have the same settings."""
        if self._settings.exists():
            self._compare(settings)
        # Folders of clips are replaced on resuming, so they must not contain anything else.
        elif self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise InputError(
                f"{self.root}: contains something other than the clips of an earlier run; give a "
                "new folder."
            )
        for folder in (ALL_FRAMES, ANNOTATED, MASKS, f"{_STATE}/videos", f"{_STATE}/strips"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        write_json(self._settings, dataclasses.asdict(settings))

    def _compare(self, settings: ClipSettings) -> None:
        before, now = _read_json(self._settings), dataclasses.asdict(settings)
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            listed = ", ".join(
                f"{name.replace('_', ' ')} {before.get(name)}, not {now[name]}" for name in changed
            )
            raise InputError(
                f"{self.root}: contains clips made with {listed}; use the same settings to resume, "
                "or give another folder."
            )

    def strip(self, clip: Clip) -> Path:
        """The file of a clip's strip of small frames."""
        return self.root / _STATE / "strips" / f"{clip.name}.jpg"

    def holds(self, clip: Clip) -> bool:
        """Whether a clip's frames exist: written, and not removed by hand since."""
        return (self.root / ANNOTATED / clip.name).is_dir()

    def load(self, name: str) -> RawVideo | None:
        """The record of the video whose clips are named `name`_…, or None if there is none."""
        path = self._record(name)
        return _read_record(path) if path.exists() else None

    def records(self) -> list[RawVideo]:
        """The records of all videos, in natural order of their paths."""
        files = (self.root / _STATE / "videos").glob("*.json")
        records = [_read_record(file) for file in files]
        return natsort.natsorted(records, key=lambda record: record.video)

    def save(self, name: str, record: RawVideo) -> None:
        """Write the record of a video."""
        write_json(self._record(name), record.to_dict())

    def _record(self, name: str) -> Path:
        return self.root / _STATE / "videos" / f"{name}.json"


def _read_record(path: Path) -> RawVideo:
    content = _read_json(path)
    try:
        _check_record(JsonValue(content), path.stem)
        return RawVideo.from_dict(content)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: is not a record of a video; {_REMEDY}. ({first_line(error)})"
        ) from error


def _check_record(record: JsonValue, name: str) -> None:
    """Check the types in a record, and that its clips are named `name`_00 and so on.

    Folders with these names are removed when a clip is cut again, so no other names are allowed.
    """
    record.member("video").text()
    for key in ("size_in_bytes", "shot_count"):
        record.member(key).whole()
    for key in ("frame_rate", "seconds"):
        record.member(key).number(0)
    record.member("frame_size").wholes(1)
    for clip in record.member("clips").items():
        # Not `match`: nothing may follow the name, such as a slash.
        if not re.fullmatch(rf"{re.escape(name)}_\d{{2,}}", clip.member("name").text()):
            raise clip.member("name").wrong(f"must be {name}_ and a number")
        clip.member("video").text()
        clip.member("start").text()
        clip.member("frame_count").whole(1)
        clip.member("written").boolean()
        if clip.member("quality").value is not None:
            for _, measure in clip.member("quality").members():
                measure.number()


def _read_json(path: Path) -> dict[str, Any]:
    content = read_json(path, _REMEDY, allow_nan=True)
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be an object {{…}}; {_REMEDY}.")
    return content
