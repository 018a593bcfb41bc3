"""The probabilities of a run: a folder of 16-bit PNGs for each object."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.inference.outputs.image_outputs import output_folders
from ytvos_keras.media.atomic import atomic_path

_WHITE = 65535


class ProbabilityFiles:
    """`<id>_<name>/<frame>.png` or `<id>/<frame>.png`, black if an object is not tracked yet.

    `ids` are the ids of all objects of the run; not all need `names`.
    """

    def __init__(self, path: Path, ids: list[int], names: Mapping[int, str]):
        self.path = path
        self.folders = output_folders(path, ids, names)

    def write(
        self, frame: str, probabilities: Mapping[int, np.ndarray], size: tuple[int, int]
    ) -> None:
        """Write the files of a frame; probabilities are float32 (H, W), 0–1, by object id."""
        nothing = np.zeros(size, np.float32)
        for object_id, folder in self.folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            write_probability(folder / f"{frame}.png", probabilities.get(object_id, nothing))

    def take(self, object_id: int, frame: str, source: "ProbabilityFiles") -> None:
        """Replace the file of an object in a frame with that of another pass, if it has one."""
        name = f"{frame}.png"
        file = source.folders[object_id] / name
        if file.exists():
            # Copied, not moved: after an interruption, the frame is merged again.
            with atomic_path(self.folders[object_id] / name) as part:
                part.write_bytes(file.read_bytes())


def write_probability(path: Path, probability: np.ndarray) -> None:
    """Write a probability map, float (H, W), 0–1, scaled to 0–65535, atomically."""
    levels = np.rint(probability * np.float32(_WHITE)).astype(np.uint16)
    with atomic_path(path) as part:
        Image.fromarray(levels).save(part, format="PNG")
