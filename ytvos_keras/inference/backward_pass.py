"""Backward pass over files; its masks stay in a hidden folder until they are merged."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ytvos_keras.inference.confidence_log import ConfidenceLog
from ytvos_keras.inference.directions import choose_directions, merge_directions
from ytvos_keras.inference.inputs import Inputs
from ytvos_keras.inference.passes import run_pass
from ytvos_keras.inference.probability_files import ProbabilityFiles
from ytvos_keras.inference.resume import ResumeFile
from ytvos_keras.media.masks import read_written_mask

FOLDER_NAME = ".ytvos-backward"


class BackwardPass:
    """Masks from the last given mask back to the first frame, in a hidden folder in `output`.

    `probabilities` are the files of the merged passes, if requested.
    """

    def __init__(
        self,
        inputs: Inputs,
        output: Path,
        fingerprint: str,
        probabilities: ProbabilityFiles | None = None,
    ):
        self.inputs = inputs
        self.folder = output / FOLDER_NAME
        self._merged, self._own = probabilities, None
        if probabilities is not None:
            ids = list(probabilities.folders)
            self._own = ProbabilityFiles(self.folder / "probabilities", ids, {})
        # In a separate folder, so that each pass resumes independently.
        self._resume = ResumeFile(self.folder, fingerprint)

    def run(
        self, segmenter, report: Callable[[int, int], None], whole: ResumeFile, overwrite: bool
    ) -> None:
        """Segment the remaining frames, and reset the segmenter.

        `whole` is the resume file of the run. It is written before the first frame, since it marks
        the output folder as that of an unfinished run, and removed if no frame is done.
        """
        if overwrite:
            self.remove()
        state = self._resume.load()
        is_new = overwrite or not whole.path.exists()
        if is_new:
            whole.save(segmenter.state())
        if state is not None:
            segmenter.restore(state)
        total = len(self.inputs.backward_indexes)
        try:
            run_pass(
                self.inputs,
                segmenter,
                self.folder,
                self._resume,
                self.inputs.read_backward,
                report=lambda done: report(done, total),
                probabilities=self._own,
            )
        except BaseException:  # Ctrl-C too
            if is_new and not self._resume.path.exists():
                self.remove()
                whole.remove()
            raise
        # The forward pass starts from the given masks, not from the end of this pass.
        segmenter.reset()

    def merge(
        self, index: int, name: str, forward: np.ndarray, confidence: ConfidenceLog
    ) -> np.ndarray:
        """Merge the label maps of a frame from both passes, uint8 (H, W); see `choose_directions`.

        The confidence of the forward pass is replaced by that of the merged masks.
        """
        backward = np.zeros_like(forward)
        file = self.folder / f"{name}.png"
        if file.exists():  # not after the last given mask
            backward = read_written_mask(file)
        confidences = confidence.of(name), self._resume.confidence.of(name)
        if self.inputs.direction == "backward":  # the forward pass is empty
            confidence.add(name, confidences[1])
            self._take_probabilities(name, self.inputs.trusted)
            return backward
        chosen = choose_directions(index, self.inputs.trusted, confidences)
        # The confidence of the mask that is written, whichever pass it is from.
        own = {
            i: confidences[0 if is_forward else 1].get(i) for i, (is_forward, _) in chosen.items()
        }
        confidence.add(name, {i: value for i, value in own.items() if value is not None})
        backward_ids = [i for i, (is_forward, _) in chosen.items() if not is_forward]
        self._take_probabilities(name, backward_ids)
        return merge_directions(forward, backward, chosen)

    def _take_probabilities(self, name: str, ids: Iterable[int]) -> None:
        """Replace the probabilities of some objects with those of this pass."""
        if self._merged is not None and self._own is not None:
            for object_id in ids:
                self._merged.take(object_id, name, self._own)

    def remove(self) -> None:
        """Delete the folder, if there is one."""
        shutil.rmtree(self.folder, ignore_errors=True)
