"""Resume a video after an interruption."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import ytvos_keras
from ytvos_keras.errors import InputError
from ytvos_keras.inference.confidence_log import ConfidenceLog
from ytvos_keras.inference.model_digest import model_digest
from ytvos_keras.media.array_file import load_arrays, save_arrays
from ytvos_keras.media.json_file import parse_json
from ytvos_keras.media.json_value import JsonValue

RESUME_NAME = ".ytvos-segment.npz"
REMEDY = "give another folder, or --overwrite (in Python: overwrite=True) to start over"
_REVISION = 5  # increase it when the same version, model and options give different masks


class ResumeFile:
    """A hidden file in the output folder: the state after the last frame, and a `fingerprint`.

    The confidence of the frames so far, and the names of the damaged ones, are saved and loaded
    with the state.
    """

    def __init__(self, folder: Path, fingerprint: str):
        self.path = folder / RESUME_NAME
        self.fingerprint = fingerprint
        self.confidence = ConfidenceLog()
        self.damaged: list[str] = []

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the state for `Segmenter.restore`, or None if there is no file."""
        if not self.path.exists():
            return None
        try:
            state = load_arrays(self.path)
            # Checked below, after everything is read: a damaged file is not another run's.
            same = str(state.pop("fingerprint")) == self.fingerprint
            self.confidence.restore(state.pop("confidence_log"))
            damaged = JsonValue(parse_json(str(state.pop("damaged", "[]")))).texts()
        except (InputError, KeyError, ValueError, AttributeError) as error:
            raise InputError(f"{self.path}: cannot be read; {REMEDY}.") from error
        if not same:
            raise InputError(
                f"{self.path.parent}: contains an unfinished run with other frames, masks, model "
                f"or options; {REMEDY}."
            )
        self.damaged.extend(damaged)
        return state

    def save(self, state: Mapping[str, np.ndarray]) -> None:
        """Write the state atomically."""
        own = {
            "fingerprint": np.array(self.fingerprint),
            "confidence_log": self.confidence.to_array(),
            "damaged": np.array(json.dumps(self.damaged)),
        }
        save_arrays(self.path, {**own, **state})

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)


def fingerprint(inputs, segmenter, options) -> str:
    """Return a digest of everything that the masks of a run depend on.

    Frames are identified by name, size in bytes and modification time, as reading them all would
    take long; masks and the model's weights by their content. `options`, a `SegmentOptions`, adds
    what is in neither the `Inputs` nor the `Segmenter`.
    """
    # Another version may compute different masks.
    digest = hashlib.sha256(f"{ytvos_keras.__version__} {_REVISION}".encode())
    for file in inputs.source.files:
        status = file.stat()
        digest.update(json.dumps([file.name, status.st_size, status.st_mtime_ns]).encode())
    for files in (inputs.first_masks.files, inputs.corrections.files):
        for index, file in sorted(files.items()):
            digest.update(str(index).encode() + file.read_bytes())
    # The count separates first masks from corrections, which were hashed without a separator.
    digest.update(f"{len(inputs.first_masks.files)} {inputs.every}".encode())
    digest.update(
        f"{inputs.trusted} {inputs.direction} {inputs.range} {inputs.source.skip_damage}".encode()
    )
    chosen = segmenter.size, segmenter.online_learning
    digest.update(f"{chosen} {model_digest(segmenter.model)}".encode())
    if options.track:
        digest.update(f"track {options.track}".encode())
    if "probabilities" in options.formats:
        digest.update(f"probabilities {sorted(options.names.items())}".encode())
    return digest.hexdigest()
