"""Compute one chain of frames with a Segmenter."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ytvos_keras.annotate.project import Prediction, Project
from ytvos_keras.annotate.propagation_plan import Chain
from ytvos_keras.media.random_frames import RandomFrames

REMEMBERED = 3  # trusted frames in the memory of `s2s-lite`, which also has predicted ones


@dataclasses.dataclass(frozen=True)
class _Stop:
    """Position in an interrupted chain, to resume it without starting over at its source."""

    sources: tuple[str, ...]
    step: int  # 1 forward, -1 backward
    index: int
    video: object  # the Segmenter's snapshot


class ChainRunner:
    """Run the chains of a project, one frame at a time.

    Before each chain, the model is shown trusted frames, so that every correction adds to its
    memory: the chain's source, the trusted frame that it leads to, and others as far from these
    two as possible, since neighbouring frames show the same side of an object. Frames ahead come
    first, with the chain's own objects only; then those behind, with all their masks; the source
    comes last. Objects that are trusted to be absent are dropped. The last chain can be resumed.

    Args:
        project: the masks.
        frames: the video; use a separate reader, since seeking back and forth is slow.
        segmenter: a `Segmenter`.
    """

    def __init__(self, project: Project, frames: RandomFrames, segmenter):
        self.project, self.frames, self.segmenter = project, frames, segmenter
        self._left: _Stop | None = None

    def is_fresh(self, source: int, frame: int, objects: tuple[int, ...]) -> bool:
        """Whether the objects' masks in a frame were propagated from the source's current masks."""
        found = self.project.predicted.get(frame, {})
        trusted = self.project.trusted.get(frame, {})
        # A trusted mask is never replaced, so it cannot be outdated.
        wanted = [i for i in objects if i not in trusted]
        return all(i in found and found[i].source == self.project.source(source, i) for i in wanted)

    def run(self, chain: Chain) -> Iterator[tuple[int, int, dict[int, float | None]]]:
        """Compute the frames of a chain and save their masks.

        After each frame, yields its index, the number of frames left in the chain, and the
        confidence of all objects predicted in the frame, by id; None where it is not known.
        """
        sources = {i: self.project.source(chain.source, i) for i in chain.objects}
        frames = self._begin(chain, tuple(sources.values()))
        for place, index in enumerate(frames):
            # If all objects are trusted to be absent, there is nothing to segment.
            if self.segmenter.object_ids:
                labels = self.segmenter.step(self.frames.frame(index))
            else:
                labels = np.zeros(self.frames.size, np.uint8)
            confidence = self.segmenter.confidence
            predictions = {
                i: Prediction(source, confidence.get(i)) for i, source in sources.items()
            }
            self._save(chain.source, index, labels, predictions)
            video = self.segmenter.video
            self._left = _Stop(tuple(sources.values()), chain.frames.step, index, video)
            yield index, len(frames) - place - 1, self.project.confidence(index)

    def _save(
        self, source: int, index: int, labels: np.ndarray, predictions: dict[int, Prediction]
    ) -> None:
        """Save the masks that are still up to date with the source."""
        with self.project.lock:
            # An object may have been deleted meanwhile, and its id given to another one.
            trusted = self.project.trusted.get(source, {})
            current = {
                i: prediction
                for i, prediction in predictions.items()
                if i in trusted and self.project.source(source, i) == prediction.source
            }
            self.project.save_predicted(index, labels, current)

    def _begin(self, chain: Chain, sources: tuple[str, ...]) -> range:
        """Prepare the Segmenter for a chain; return the frames still to compute."""
        left = self._left
        # Sources contain digests of masks, so a chain whose source was corrected starts over.
        if left and (left.sources, left.step) == (sources, chain.frames.step):
            done = abs(left.index - chain.source)
            before = chain.frames[:done]
            # The state is valid only if every frame up to it is up to date with this source.
            if all(self.is_fresh(chain.source, frame, chain.objects) for frame in before):
                self.segmenter.restore(left.video)
                return chain.frames[done:]
        self._left = None
        self.segmenter.reset()
        for index in self._to_remember(chain):
            labels = self.project.mask(index)
            if (index - chain.source) * chain.frames.step > 0:  # ahead
                labels = np.where(np.isin(labels, chain.objects), labels, 0)
            self._show(index, labels)
        self._drop_absent(chain)
        return chain.frames

    def _to_remember(self, chain: Chain) -> list[int]:
        """Choose trusted frames: those ahead, then those behind, the source last."""
        with self.project.lock:
            trusted = dict(self.project.trusted)
        rest = {i for i, ids in trusted.items() if set(chain.objects) & ids.keys()}
        chosen = [chain.source] if chain.beyond is None else [chain.source, chain.beyond]
        rest -= {*chosen}
        while rest and len(chosen) < REMEMBERED:
            # Sorted, so that the choice among equally distant frames is deterministic.
            farthest = max(sorted(rest), key=lambda i: min(abs(i - other) for other in chosen))
            chosen.append(farthest)
            rest.remove(farthest)
        step = chain.frames.step
        ahead = {i: (i - chain.source) * step for i in chosen}
        # The source last: the chain continues from the state after its frame.
        return sorted(chosen, key=lambda i: (ahead[i] <= 0, -abs(ahead[i])))

    def _drop_absent(self, chain: Chain) -> None:
        """Drop objects that are absent from their latest trusted frame, up to the source."""
        with self.project.lock:
            trusted = dict(self.project.trusted)
        for object_id in list(self.segmenter.object_ids):
            held = (i for i, ids in trusted.items() if object_id in ids)
            behind = [i for i in held if (chain.source - i) * chain.frames.step >= 0]
            latest = min(behind, key=lambda i: abs(chain.source - i), default=None)
            if latest is not None and not (self.project.mask(latest) == object_id).any():
                self.segmenter.remove_object(object_id)

    def _show(self, index: int, labels: np.ndarray) -> None:
        """Show the Segmenter a frame with masks."""
        for object_id in self.project.trusted.get(index, ()):
            # Trusted without a pixel: the object is absent, so the model must not track it.
            if object_id in self.segmenter.object_ids and not (labels == object_id).any():
                self.segmenter.remove_object(object_id)
        if labels.any():
            self.segmenter.add_objects(labels, indexed=True)
            self.segmenter.step(self.frames.frame(index))
