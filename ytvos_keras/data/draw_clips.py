"""Draw a batch of clips as one image, to check it before training."""

import numpy as np
from PIL import Image

from ytvos_keras.media.overlay import overlay

_GAP = 4  # pixels between frames
_UNWEIGHTED = (150, 150, 150)


def draw_clips(batch: tuple) -> Image.Image:
    """Draw one clip per row: its frames from left to right, the objects tinted and outlined.

    Frames of weight 0 are greyed; frames without annotation have no tint. In the first frame of a
    clip with a rough mask, all that may be on the object is tinted.

    Args:
        batch: `(inputs, targets, sample_weight)` from `make_dataset`; tensors or arrays.

    Example:
        >>> draw_clips(next(iter(make_dataset("records", batch_size=4)))).save("batch.png")
    """
    inputs, targets, weights = batch
    frames = np.asarray(inputs["frames"])
    masks = np.concatenate([np.asarray(inputs["mask"])[:, None], np.asarray(targets)], axis=1)
    labels = (np.arange(1, masks.shape[-1] + 1) * (masks > 0)).max(axis=-1).astype(np.uint8)
    # Several objects have a weight each: a frame counts if any of them does.
    weights = np.asarray(weights).reshape(*masks[:, 1:].shape[:2], -1).max(axis=-1)
    weights = np.concatenate([np.ones((len(frames), 1)), weights], axis=1)
    rows = [
        np.concatenate([_cell(*cell) for cell in zip(*clip, strict=True)], axis=1)
        for clip in zip(frames, labels, weights, strict=True)
    ]
    return Image.fromarray(np.concatenate(rows))


def _cell(frame: np.ndarray, labels: np.ndarray, weight: float) -> np.ndarray:
    drawn = overlay(frame, labels)
    if not weight:
        drawn = (drawn // 3 + np.array(_UNWEIGHTED) * 2 // 3).astype(np.uint8)
    return np.pad(drawn, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
