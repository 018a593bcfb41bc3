"""The model's expected J, frame by frame: `confidence.csv`."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.json_file import parse_json
from ytvos_keras.media.json_value import JsonValue

FILE_NAME = "confidence.csv"


class ConfidenceLog:
    """The expected J, 0–1, of each object in each frame of a run.

    Attributes:
        by_frame: name of a frame to the confidence of each object in it, in the order of frames.
    """

    def __init__(self) -> None:
        self.by_frame: dict[str, dict[int, float]] = {}

    def add(self, name: str, confidence: Mapping[int, float]) -> None:
        """Add a frame; frames without a confidence are skipped."""
        if confidence:
            self.by_frame[name] = {i: round(float(value), 4) for i, value in confidence.items()}

    def of(self, name: str) -> dict[int, float]:
        """The confidence of each object in a frame; empty if unknown."""
        return self.by_frame.get(name, {})

    def lost(self) -> dict[int, list[str]]:
        """The frames in which each object is probably lost, if there are any."""
        from ytvos_keras.models.confidence import LOST  # imports TensorFlow, which is in use by now

        frames: dict[int, list[str]] = {}
        for name, confidence in self.by_frame.items():
            for object_id, value in confidence.items():
                if value < LOST:
                    frames.setdefault(object_id, []).append(name)
        return dict(sorted(frames.items()))

    def write(self, folder: Path) -> Path | None:
        """Write `confidence.csv` (frame, object, confidence).

        If nothing is known, return None, and delete the file of an earlier run.
        """
        path = folder / FILE_NAME
        if not self.by_frame:
            path.unlink(missing_ok=True)
            return None
        with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("frame", "object", "confidence"))
            for name, confidence in self.by_frame.items():
                table.writerows((name, i, value) for i, value in sorted(confidence.items()))
        return path

    def to_array(self) -> np.ndarray:
        """Convert to an array for `np.savez`."""
        return np.array(json.dumps(self.by_frame))

    def restore(self, array: np.ndarray) -> None:
        """Load from the result of `to_array`; any other array is a `ValueError`."""
        content = JsonValue(parse_json(str(array)))
        self.by_frame = {
            name: {int(i): value.number(0, 1) for i, value in confidence.members()}
            for name, confidence in content.members()
        }
