"""The folder of a training run."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.json_file import parse_json, read_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.models import S2S
from ytvos_keras.training.atomic_save import atomic_save_weights, size_on_disk
from ytvos_keras.training.run_json import what_matters


@dataclass
class RunFiles:
    """Paths of the files of a run.

    Attributes:
        folder: the folder of the run, its `--output`.
        run_json: configuration, versions, and checksums of the data.
        log: one line per checkpoint (CSV).
        curves: plot of the log, from `ytvos-train` with the extra `plots`.
        checkpoints: folder with the last two checkpoints.
        tensorboard: folder with the event files.
        last: the model at the end.
        best: the model with the highest validation J, if there is validation.
    """

    folder: Path

    def __post_init__(self):
        self.run_json = self.folder / "run.json"
        self.log = self.folder / "log.csv"
        self.curves = self.folder / "curves.png"
        self.checkpoints = self.folder / "checkpoints"
        self.tensorboard = self.folder / "tensorboard"
        self.last = self.folder / "last.keras"
        self.best = self.folder / "best.keras"

    def check(self, description: dict) -> None:
        """Check that the folder is empty or contains this run."""
        if self.run_json.is_file():
            # Tuples become lists, as in the file.
            self._check_same(parse_json(json.dumps(description), allow_nan=True))
            return
        # The lock file, and leftovers of killed processes, are hidden.
        if any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise InputError(
                f"{self.folder}: contains files but no run.json; give a new folder for this run"
            )

    def claim(self, description: dict) -> None:
        """Write `run.json`, which binds the folder to this run, unless it is there.

        The description of the run must consist of plain types.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.check(description)
        if self.run_json.is_file():
            return
        with atomic_path(self.run_json) as part:
            part.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    def write_log(self, history: list[dict]) -> None:
        """Rewrite `log.csv` from the whole history."""
        text = io.StringIO()
        names = list(dict.fromkeys(name for entry in history for name in entry))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        with atomic_path(self.log) as part:
            part.write_text(text.getvalue(), encoding="utf-8")

    def _check_same(self, description: dict) -> None:
        content = read_json(self.run_json, "give another --output", allow_nan=True)
        there = JsonValue(content, str(self.run_json)).table()
        for name, value in what_matters(description).items():
            if not _agree(there.get(name), value):
                difference = _first_difference(name, there.get(name), value)
                raise InputError(
                    f"{self.folder}: contains another run ({difference}); give the same arguments "
                    "to resume it, or another --output"
                )


def save_model(model: S2S, path: Path) -> None:
    """Save the network atomically, in float32 at any precision, and without its optimizer."""
    # The file contains a dtype policy, and users should not get the mixed precision of training.
    copy = S2S(model.config, dtype="float32", name=model.name)
    copy.set_weights(model.get_weights())
    with atomic_save_weights(path, ".part.keras", size_on_disk(copy.variables)) as part:
        copy.save(part)


def _agree(there: object, here: object) -> bool:
    """Whether two values are equal; what an older version did not write counts as off."""
    if isinstance(there, dict) and isinstance(here, dict):
        return all(_agree(there.get(key), here.get(key)) for key in {**there, **here})
    if isinstance(there, list) and isinstance(here, list):
        return len(there) == len(here) and all(map(_agree, there, here))
    return there == here or (there is None and here in (0, False, []))


def _first_difference(name: str, there: object, here: object) -> str:
    """Name the first value that differs, such as `recipe.learning_rate: 0.001, not 0.01`."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in {**there, **here}:
            if not _agree(there.get(key), here.get(key)):
                return _first_difference(f"{name}.{key}", there.get(key), here.get(key))
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (old, new) in enumerate(zip(there, here, strict=True)):
            if not _agree(old, new):
                return _first_difference(f"{name}[{number}]", old, new)
    return f"{name}: {there}, not {here}"
