"""Checkpoints: everything needed to resume a run bit-exactly."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import h5py
import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.json_file import parse_json
from ytvos_keras.media.json_value import JsonValue
from ytvos_keras.models import S2S
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.weight_files import check_weight_file, checksum_path
from ytvos_keras.training.atomic_save import atomic_save_weights, size_on_disk

_KEEP = 2
_MOST = 10**9  # stages and steps
_ATTRIBUTE = "ytvos_keras_progress"
_CONFIG = "ytvos_keras_config"


@dataclass
class Progress:
    """Progress of a run.

    Clips depend only on the seed and their number, and the model uses no randomness, so the step
    count is also the position in the data.

    Args:
        stage: index of the stage, from 0.
        stage_step: steps done in that stage.
        stage_steps: steps of that stage unless it ends early.
        step: total number of steps done.
        history: one entry per checkpoint: stage, step, loss, J, validation.
        best: highest validation J so far, None before the first.
        stable: the memory of `update_stability`.
    """

    stage: int = 0
    stage_step: int = 0
    stage_steps: int = 0
    step: int = 0
    history: list[dict] = field(default_factory=list)
    best: float | None = None
    stable: dict = field(default_factory=dict)

    def steps_to_checkpoint(self, every: int) -> int:
        """Steps until the next checkpoint, at most `every`: the last of a stage may come early."""
        return min(every, self.stage_steps - self.stage_step)


def save_checkpoint(model: keras.Model, progress: Progress, folder: Path) -> Path:
    """Write weights, optimizer and progress to one file, atomically; keep the last two files.

    Returns its path, `step-00000300.weights.h5`. The model must be compiled and its optimizer
    built. If the file cannot be written, older checkpoints remain.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{progress.step:08d}.weights.h5"
    # In the same file as the weights, so that one rename makes both current.
    text = json.dumps(asdict(progress))
    # A LossScaleOptimizer lists the variables of the one in it, and Keras saves these twice.
    inner = getattr(model.optimizer, "inner_optimizer", None)
    twice = inner.variables if inner is not None else []
    size = size_on_disk([*model.variables, *model.optimizer.variables, *twice]) + len(text)
    with atomic_save_weights(path, ".part.weights.h5", size) as part:  # Keras requires this suffix
        model.save_weights(part, overwrite=True)
        with h5py.File(part, "r+") as file:
            file.attrs[_ATTRIBUTE] = text
            if isinstance(model, S2S):
                file.attrs[_CONFIG] = json.dumps(asdict(model.config))
    # Last, because a run resumes from the old files until the new one is in place.
    for old in list_checkpoints(folder)[:-_KEEP]:
        old.unlink()
        checksum_path(old).unlink(missing_ok=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, oldest first."""
    return sorted(folder.glob("step-*.weights.h5"))  # eight digits: sorted by step, too


def read_progress(path: Path) -> Progress:
    """Read the progress stored in a checkpoint."""
    try:
        check_weight_file(path)
        with h5py.File(path, "r") as file:
            return parse_progress(file.attrs[_ATTRIBUTE])
    except Exception as error:  # HDF5 raises all kinds of errors
        raise InputError(
            f"{path}: not a checkpoint of this version ({first_line(error)}); remove it to "
            "resume from the one before"
        ) from error


def read_config(path: str | Path) -> S2SConfig | None:
    """Read the network's configuration from a checkpoint; None from any other file."""
    if not str(path).endswith(".weights.h5") or not Path(path).is_file():
        return None
    check_weight_file(path)
    try:
        with h5py.File(path, "r") as file:
            return S2SConfig(**parse_json(file.attrs[_CONFIG])) if _CONFIG in file.attrs else None
    except Exception as error:  # HDF5 raises all kinds of errors
        raise InputError(
            f"{path}: not a checkpoint of this version ({first_line(error)})"
        ) from error


def restore_checkpoint(model: keras.Model, path: Path) -> Progress:
    """Load weights and optimizer from a checkpoint, and return the progress of its run.

    The model must be compiled in the same way as the saved one.
    """
    # Before any weight is changed, so that an error leaves the model as it was.
    progress = read_progress(path)
    # Only existing variables are loaded; Keras would create the optimizer's in the first step.
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(path)
    except Exception as error:  # Keras and HDF5 raise all kinds of errors
        raise InputError(
            f"{path}: does not fit this model and optimizer ({first_line(error)}); resume with the "
            "same recipe, or start a new run in another folder"
        ) from error
    return progress


def parse_progress(text: str | bytes) -> Progress:
    """Parse the JSON in a checkpoint; losses may be NaN, and a wrong type is a `ValueError`."""
    content = JsonValue(parse_json(text, allow_nan=True))
    best = content.member("best")
    return Progress(
        stage=content.member("stage").whole(0, _MOST),
        stage_step=content.member("stage_step").whole(0, _MOST),
        stage_steps=content.member("stage_steps").whole(0, _MOST),
        step=content.member("step").whole(0, _MOST),
        history=[_plain(entry) for entry in content.member("history").items()],
        best=None if best.value is None else best.number(),
        stable=_plain(content.member("stable")),
    )


def _plain(entry: JsonValue) -> dict[str, str | float]:
    """Check that an object contains only numbers and text."""
    table = entry.table()
    if not set(map(type, table.values())) <= {int, float, str, type(None)}:
        raise entry.wrong("must contain only numbers and text")
    return table
