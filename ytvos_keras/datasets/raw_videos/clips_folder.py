"""The output folder of clips: YouTube-VOS layout, and the state for resuming."""

import dataclasses
from pathlib import Path
from typing import Any

import natsort

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.json_file import read_json, write_json

ALL_FRAMES, ANNOTATED, MASKS = "JPEGImages_all_frames", "JPEGImages", "Annotations"
_STATE = ".clips"
_REMEDY = "remove it and run again"


class ClipsFolder:
    """Paths and records in the output folder.

    `JPEGImages_all_frames/<clip>/` holds all frames at 30 a second, `JPEGImages/<clip>/` every
    fifth, `Annotations/<clip>/` is for the masks. `.clips/` contains the settings, one record per
    video and a strip of small frames per clip.

    Args:
        root: the output folder.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self._settings = self.root / _STATE / "settings.json"

    def open(self, settings: ClipSettings) -> None:
        """Create the folders, or check that those of an earlier run have the same settings.

        Raises:
            InputError: the folder holds something else, or clips of other settings.
        """
        if self._settings.exists():
            self._compare(settings)
        elif self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise InputError(
                f"{self.root}: holds something else than the clips of an earlier run; give a new "
                "folder."
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
                f"{self.root}: holds clips made with {listed}; give the same ones to resume, or "
                "another folder."
            )

    def strip(self, clip: Clip) -> Path:
        """The file of a clip's strip of small frames."""
        return self.root / _STATE / "strips" / f"{clip.name}.jpg"

    def holds(self, clip: Clip) -> bool:
        """Whether a clip's frames exist: written, and not removed by hand since."""
        return (self.root / ANNOTATED / clip.name).is_dir()

    def load(self, name: str) -> RawVideo | None:
        """The record of the video whose clips are called `name`_…, or None if there is none."""
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
    try:
        record = RawVideo.from_dict(_read_json(path))
        if any(Path(clip.name).name != clip.name for clip in record.clips):
            raise ValueError("a clip's name leads out of the folder")
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: is no record of a video; {_REMEDY}. ({first_line(error)})"
        ) from error
    return record


def _read_json(path: Path) -> dict[str, Any]:
    content = read_json(path, _REMEDY, allow_nan=True)
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be an object {{…}}; {_REMEDY}.")
    return content
