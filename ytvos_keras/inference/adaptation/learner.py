"""Learn weights for the objects of a video."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.adaptation.examples import (
    Clip,
    cached_batches,
    example_clips,
    fresh_batches,
    is_cut,
)
from ytvos_keras.inference.adaptation.student import Student
from ytvos_keras.inference.sizes import resize_frame, resize_mask
from ytvos_keras.models import S2S

Learned = Mapping[str, np.ndarray]
"""Trained weights by their position in `model.weights`; empty for those of the base model."""

Progress = Callable[[int, int, float], None]

_ALL_CUT = (
    "nothing is learned online: the objects reach the border of the frame, so their masks may show "
    "only a part of them; set cut_objects=True to learn them anyway."
)


class OnlineLearner:
    """Adapt a copy of a model to the objects of a video; the model itself is unchanged.

    Learned weights are values: `learn` returns them without changing anything, `apply` assigns them
    to `model`. Interrupting `learn` is safe.

    Attributes:
        model: the copy that predicts, an `S2S` like the given one, with the weights last applied.

    Example:
        >>> learner = OnlineLearner(ytvos_keras.load("s2s-lite"), ONLINE_LEARNING["cheap"])
        >>> learner.apply(learner.learn({}, frame, masks))
        >>> state = learner.model.initialize(frame[None], masks[..., None])
    """

    def __init__(self, model: S2S, config: OnlineLearningConfig):
        self.config = config
        self._student = Student(model, config)
        weights = model.get_weights()
        # By position, as text: usable as keys of an .npz, and the same in every copy of the model.
        self._base = {str(n): value for n, value in enumerate(weights)}
        self.model = S2S(model.config, dtype=model.dtype_policy)
        self.model.set_weights(weights)
        self._applied: Learned | None = {}

    def apply(self, learned: Learned) -> None:
        """Assign the weights from `learn` to `model`; those of the base model if there are none."""
        # By identity: this is called for every frame, and assigning weights takes time.
        if learned is not self._applied:
            self._applied = None  # if interrupted, the model has some weights of each
            _assign(self.model, self._base | dict(learned))
            self._applied = learned

    def learn(
        self,
        learned: Learned,
        frame: np.ndarray,
        masks: np.ndarray,
        *,
        seed: int = 0,
        on_progress: Progress | None = None,
    ) -> Learned:
        """Learn the objects of a frame.

        Args:
            learned: initial weights, from an earlier frame of the video, or empty.
            frame: uint8 (H, W, 3), at the working size.
            masks: masks of the objects, uint8 (N, H, W), 0 or 1. Empty masks are ignored.
            seed: combined with the seed of the config, for a video with several such frames.
            on_progress: called after every step with the number of steps done, their total unless
                learning ends early, and the loss of the step.

        Returns:
            `learned` with all trained weights replaced; or `learned`, if there is nothing to learn
            from or a loss is not finite. A warning then says why, except if there is no object.
        """
        frame, masks = self._scaled(frame, masks)
        targets = self._targets(masks)
        if not targets:
            if len(masks):
                warnings.warn(_ALL_CUT, stacklevel=2)
            return learned
        begin = time.monotonic()
        # From the given weights: an interruption may have left the student in any state.
        _assign(self._student.model, self._base | dict(learned))
        self._student.begin()
        rng = np.random.default_rng([self.config.seed, seed])
        batches = self._batches(rng, frame, masks, targets)
        steps = self.config.steps * len(targets)
        for number in range(1, steps + 1):
            loss = self._student.step(next(batches), self._rate((number - 1) / steps))
            # The student's weights are corrupt, so the previous ones are kept.
            if not math.isfinite(loss):
                warnings.warn(
                    f"online learning failed at step {number} (loss {loss}) and is skipped; try a "
                    "smaller learning rate.",
                    stacklevel=2,
                )
                return learned
            if on_progress is not None:
                on_progress(number, steps, loss)
            if self._is_over(begin):
                break
        weights = self._student.model.weights
        trained = {str(n): weights[n].numpy() for n in self._student.trained}
        # The student may learn in another precision. `learned` may have more weights, in a state
        # from a run with other parts.
        return {**learned, **{k: x.astype(self._base[k].dtype) for k, x in trained.items()}}

    def _is_over(self, begin: float) -> bool:
        limit = self.config.time_limit
        return limit is not None and time.monotonic() - begin >= limit

    def _scaled(self, frame: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frame and masks at the size of the examples, without masks that are empty there."""
        stride = self.model.stride
        size = tuple(
            max(stride, round(side * self.config.scale / stride) * stride)
            for side in frame.shape[:2]
        )
        # The working size itself, even if it is not a multiple of the stride.
        if self.config.scale == 1:
            size = frame.shape[:2]
        seen = [small for mask in masks if (small := resize_mask(mask, size)).any()]
        return resize_frame(frame, size), np.array(seen, np.uint8)

    def _targets(self, masks: np.ndarray) -> list[int]:
        """The indexes of the objects to learn."""
        return [n for n, mask in enumerate(masks) if self.config.cut_objects or not is_cut(mask)]

    def _rate(self, done: float) -> float:
        """The learning rate after a fraction of the steps."""
        falling = (1 + math.cos(math.pi * done)) / 2
        final = self.config.final_rate
        return self.config.learning_rate * (final + (1 - final) * falling)

    def _batches(self, rng: np.random.Generator, frame, masks, targets) -> Iterator[Clip]:
        config = self.config
        clips = example_clips(rng, frame, masks, targets, config)
        if config.cached_clips is None:
            return fresh_batches(clips, config.batch_size)
        count = config.cached_clips * len(targets)
        return cached_batches(rng, clips, count, config.batch_size, self._student.prepare)


def _assign(model: S2S, weights: Learned) -> None:
    variables = model.weights
    for key, value in weights.items():
        variables[int(key)].assign(value)
