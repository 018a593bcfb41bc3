"""Clips from a single frame, in which its objects move independently.

Not in the paper, whose pairs move the whole frame. In a video, an object's surroundings change, and
the frame contains what it must be distinguished from: its background and the other objects.
"""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf
from PIL import Image, ImageFilter

from ytvos_keras.data.augmentation import AppearanceConfig, SyntheticConfig
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.picture_scene import OTHERS, Scene
from ytvos_keras.data.synthetic import SCENE_SPECS, synthetic_clip
from ytvos_keras.inference.adaptation.config import SceneRanges
from ytvos_keras.inference.adaptation.fill import fill_hole

_MARGIN = 2  # pixels around an object that may still show a part of it


def scene_clip(
    rng: np.random.Generator,
    frame: np.ndarray,
    masks: np.ndarray,
    target: int,
    length: int,
    ranges: SceneRanges,
) -> dict[str, tf.Tensor]:
    """A clip of one object of a frame.

    Args:
        rng: source of randomness.
        frame: uint8 (H, W, 3).
        masks: uint8 (N, H, W), 0 or 1, none of them empty.
        target: index of the object to make a clip of.
        length: number of frames.
        ranges: ranges of the scenes.

    Returns:
        `"frames"`: uint8 (length, H, W, 3); `"mask"`: uint8 (length, H, W, 1), 0 or 1. The object
        is visible in the first frame.
    """
    pictures = _pictures(rng, frame, masks > 0, target, ranges)
    area = np.float32(np.multiply(ranges.area, masks[target].mean()))
    make = _maker(length, frame.shape[:2], ranges.colours)
    # Area and seed are inputs of the graph, so all objects and clips share one trace.
    return make(pictures, area, rng.integers(0, 2**31, 2, np.int32))


def _pictures(rng, frame, masks, target: int, ranges: SceneRanges) -> Scene:
    nothing = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), bool)
    if rng.random() < ranges.whole:
        background, others = nothing[0], []
    else:
        chosen = rng.permutation(np.delete(np.arange(len(masks)), target))[:OTHERS]
        # Objects that move are removed from the background; others stay in it.
        hole = masks[[target, *chosen]].any(axis=0)
        background = fill_hole(frame, _widen(hole))
        others = [(frame, masks[n]) for n in chosen]
    passes = bool(others) and rng.random() < ranges.passes
    # The graph takes the same number of images each time.
    others += [nothing] * (OTHERS - len(others))
    images, other_masks = zip(*others, strict=True)
    return Scene(frame, masks[target], background, images, other_masks, np.bool_(passes))


def _widen(hole: np.ndarray) -> np.ndarray:
    image = Image.fromarray(hole.astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * _MARGIN + 1))) > 0


@functools.lru_cache(maxsize=4)
def _maker(length: int, size: tuple[int, int], colours: float):
    """`synthetic_clip`, traced once for images of any size."""
    usual = AppearanceConfig()
    changes = {
        name: colours * getattr(usual, name)
        for name in ("brightness", "contrast", "saturation", "hue")
    }
    appearance = replace(usual, **changes)

    def make(pictures, area, seed):
        # Tensors in place of numbers: the config's area is only used in computations.
        config = SyntheticConfig(appearance=appearance, mask_share=tuple(tf.unstack(area)))
        return synthetic_clip(pictures, Draws(seed), length, size, config)

    signature = [SCENE_SPECS, tf.TensorSpec((2,), tf.float32), tf.TensorSpec((2,), tf.int32)]
    return tf.function(make, input_signature=signature, autograph=False)
