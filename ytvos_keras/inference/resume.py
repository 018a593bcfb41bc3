"""Going on with a video after an interruption."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import ytvos_keras
from ytvos_keras.errors import InputError
from ytvos_keras.inference.first_masks import FirstMasks
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.frame_source import FrameSource

RESUME_NAME = ".ytvos-segment.npz"


class ResumeFile:
    """A hidden file in the output folder: the state after so many frames, and what it belongs to.

    Args:
        folder: the output folder.
        fingerprint: of the run; see `fingerprint`.
    """

    def __init__(self, folder: Path, fingerprint: str):
        self.path = folder / RESUME_NAME
        self.fingerprint = fingerprint

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the state for `Segmenter.restore`, or None if there is no file.

        Raises:
            InputError: the file belongs to a run with other arguments, or cannot be read.
        """
        if not self.path.exists():
            return None
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = dict(arrays)
            same = str(state.pop("fingerprint")) == self.fingerprint
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path}: cannot be read; {_REMEDY}.") from error
        if not same:
            raise InputError(
                f"{self.path.parent}: holds an unfinished run with other frames, masks, model or "
                f"size; {_REMEDY}."
            )
        return state

    def save(self, state: Mapping[str, np.ndarray]) -> None:
        """Write the state; the file before is kept until the new one is whole."""
        with atomic_path(self.path) as part, part.open("wb") as file:
            np.savez(file, fingerprint=np.array(self.fingerprint), **state)

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)


def fingerprint(source: FrameSource, masks: FirstMasks, model, size: tuple[int, int] | None) -> str:
    """Return a digest that changes when the masks of a run could.

    Frames count with name, size in bytes and time of change (reading them all would take long);
    masks and the model's weights with their content.

    Args:
        source: the frames.
        masks: the first masks.
        model: an `S2S`.
        size: the working size asked for.
    """
    digest = hashlib.sha256(ytvos_keras.__version__.encode())
    for file in source.files:
        status = file.stat()
        digest.update(json.dumps([file.name, status.st_size, status.st_mtime_ns]).encode())
    for index, file in sorted(masks.files.items()):
        digest.update(str(index).encode() + file.read_bytes())
    policy = getattr(model, "dtype_policy", None)
    digest.update(f"{model.config} {getattr(policy, 'name', policy)} {size}".encode())
    for variable in model.weights:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


_REMEDY = "give another folder, or --overwrite (in Python: overwrite=True) to begin again"
