"""The backward pass through files: its masks wait in a hidden folder until they are joined."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ytvos_keras.inference.confidence_log import ConfidenceLog
from ytvos_keras.inference.directions import choose_directions, join_directions
from ytvos_keras.inference.inputs import Inputs
from ytvos_keras.inference.passes import run_pass
from ytvos_keras.inference.resume import ResumeFile
from ytvos_keras.media.masks import read_label_map

FOLDER_NAME = ".ytvos-backward"


class BackwardPass:
    """Masks from the last given mask to the first frame.

    Args:
        inputs: what is given.
        output: the folder in which the hidden one is made.
        fingerprint: of the run; see `resume.fingerprint`.
    """

    def __init__(self, inputs: Inputs, output: Path, fingerprint: str):
        self.inputs = inputs
        self.folder = output / FOLDER_NAME
        self._resume = ResumeFile(self.folder, fingerprint)

    def run(self, segmenter, report: Callable[[int, int], None], overwrite: bool) -> None:
        """Segment the frames that are not done yet; leaves the segmenter reset."""
        if overwrite:
            self.remove()
        if (state := self._resume.load()) is not None:
            segmenter.restore(state)
        total = len(self.inputs.backward_indexes)
        run_pass(
            self.inputs,
            segmenter,
            self.folder,
            self._resume,
            self.inputs.read_backward,
            report=lambda done: report(done, total),
        )
        segmenter.reset()

    def join(
        self, index: int, name: str, forward: np.ndarray, confidence: ConfidenceLog
    ) -> np.ndarray:
        """The label map of a frame from both passes; see `join_directions`.

        Args:
            index: of the frame.
            name: of the frame.
            forward: uint8 (H, W), from the forward pass.
            confidence: of the forward pass; that of the joined masks takes its place.
        """
        backward = np.zeros_like(forward)
        file = self.folder / f"{name}.png"
        if file.exists():  # not behind the last given mask
            backward = read_label_map(file, allow_empty=True)
        sure = confidence.of(name), self._resume.confidence.of(name)
        if self.inputs.direction == "backward":  # the forward pass has nothing
            confidence.add(name, sure[1])
            return backward
        chosen = choose_directions(index, self.inputs.trusted, sure)
        own = {i: sure[0 if is_forward else 1].get(i) for i, (is_forward, _) in chosen.items()}
        confidence.add(name, {i: value for i, value in own.items() if value is not None})
        return join_directions(forward, backward, index, self.inputs.trusted, sure)

    def remove(self) -> None:
        """Delete the folder, if there is one."""
        shutil.rmtree(self.folder, ignore_errors=True)
