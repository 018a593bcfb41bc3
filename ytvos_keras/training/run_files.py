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
from ytvos_keras.models.weight_files import checksum_path, write_checksum
from ytvos_keras.training.atomic_save import atomic_save, size_on_disk
from ytvos_keras.training.run_json import what_matters


@dataclass(frozen=True)
class RunFiles:
    """Paths of the files of a run; `folder` is its `--output`."""

    folder: Path

    @property
    def run_json(self) -> Path:
        """Configuration, versions, seeds, checksums of the data."""
        return self.folder / "run.json"

    @property
    def log(self) -> Path:
        """One line per checkpoint."""
        return self.folder / "log.csv"

    @property
    def curves(self) -> Path:
        """Picture of the log."""
        return self.folder / "curves.png"

    @property
    def checkpoints(self) -> Path:
        """The last two checkpoints."""
        return self.folder / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.folder / "tensorboard"

    @property
    def last(self) -> Path:
        """The model at the end."""
        return self.folder / "last.keras"

    @property
    def best(self) -> Path:
        """The model with the highest validation J."""
        return self.folder / "best.keras"

    def claim(self, description: dict) -> None:
        """Write `run.json`, or checks that the folder holds this run.

        Args:
            description: of the run, in plain types.

        Raises:
            InputError: the folder holds another run, or other files.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Tuples become lists, as in the file.
        description = parse_json(json.dumps(description), allow_nan=True)
        if self.run_json.is_file():
            self._check_same(description)
            return
        # The lock file, and leftovers of killed processes, are hidden.
        if any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise InputError(
                f"{self.folder}: holds files but no run.json; give a new folder for this run"
            )
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
            if there.get(name) != value:
                difference = _first_difference(name, there.get(name), value)
                raise InputError(
                    f"{self.folder}: holds another run ({difference}); give the same arguments "
                    "to resume it, or another --output"
                )


def save_model(model: S2S, path: Path) -> None:
    """Save the network in float32 without its optimizer, atomically.

    Args:
        model: under any precision; its weights are float32.
        path: ends in `.keras`.

    Raises:
        InputError: the disk is full, or the folder cannot be written to.
    """
    # A file contains its dtype policy: users should not get the training's mixed precision.
    copy = S2S(model.config, dtype="float32", name=model.name)
    copy.set_weights(model.get_weights())
    with atomic_save(path, ".part.keras", size_on_disk(copy.variables)) as part:
        copy.save(part)
        # Before the rename: a crash may leave a file without a checksum, never with a wrong one.
        checksum_path(path).unlink(missing_ok=True)  # of an earlier file of this name
    write_checksum(path)


def _first_difference(name: str, there: object, here: object) -> str:
    """Name the first value that differs, such as `recipe.learning_rate: 0.001, not 0.01`."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in {**there, **here}:
            if there.get(key) != here.get(key):
                return _first_difference(f"{name}.{key}", there.get(key), here.get(key))
    return f"{name}: {there}, not {here}"
