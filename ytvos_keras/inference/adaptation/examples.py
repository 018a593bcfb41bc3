"""Training examples: batches of clips made from one frame and the masks of its objects."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from ytvos_keras.inference.adaptation.affine import affine_clip
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.adaptation.scenes import scene_clip

Clip = dict[str, tf.Tensor]

_BORDER = 0.01  # fraction of the sides


def is_cut(mask: np.ndarray) -> bool:
    """Whether an object reaches the border of the frame, and so may extend beyond it.

    Args:
        mask: (H, W), not 0 in the object. The border is 1 % of the sides wide, since videos have
            dark edges and masks rarely touch the very edge.
    """
    y, x = (math.ceil(_BORDER * side) for side in mask.shape)
    return bool(mask[:y].any() or mask[-y:].any() or mask[:, :x].any() or mask[:, -x:].any())


def example_clips(
    rng: np.random.Generator,
    frame: np.ndarray,
    masks: np.ndarray,
    targets: Sequence[int],
    config: OnlineLearningConfig,
) -> Iterator[Clip]:
    """Yield clips of all targets in turn, endlessly.

    Args:
        rng: source of randomness.
        frame: uint8 (H, W, 3).
        masks: masks of the objects, uint8 (N, H, W), 0 or 1, none of them empty.
        targets: indexes of the objects to make clips of.
        config: kind of clips.

    Yields:
        `"frames"`: uint8 (T, H, W, 3); `"mask"`: uint8 (T, H, W, 1), 0 or 1.
    """
    while True:
        # Each object once before any repeats, so that learning is split evenly.
        for target in rng.permutation(targets):
            if config.examples == "scenes":
                clip = scene_clip(rng, frame, masks, target, config.clip_length, config.scenes)
            else:
                clip = affine_clip(rng, frame, masks[target], config.clip_length, config.affine)
            yield clip


def fresh_batches(clips: Iterator[Clip], batch_size: int) -> Iterator[Clip]:
    """Yield batches of clips, each used once."""
    while True:
        yield _stack([next(clips) for _ in range(batch_size)])


def cached_batches(
    rng: np.random.Generator,
    clips: Iterator[Clip],
    count: int,
    batch_size: int,
    prepare: Callable[[Clip], Clip],
) -> Iterator[Clip]:
    """Yield batches of the first `count` clips, in random order, endlessly.

    `count` must be at least `batch_size`. `prepare` is applied once to each clip, before its first
    use.
    """
    cached = [prepare(next(clips)) for _ in range(count)]
    while True:
        order = rng.permutation(count)
        # Full batches only: another size would trigger a retrace.
        for start in range(0, count - batch_size + 1, batch_size):
            yield _stack([cached[n] for n in order[start : start + batch_size]])


def _stack(clips: list[Clip]) -> Clip:
    return tf.nest.map_structure(lambda *tensors: tf.stack(tensors), *clips)
