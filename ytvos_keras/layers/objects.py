"""Several objects of one clip or frame, as consecutive rows of a batch."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.types import Tensor


def objects_to_batch(masks: Tensor) -> Tensor:
    """`(B, H, W, N)` to `(B·N, H, W, 1)`: each object becomes a row."""
    height, width = ops.shape(masks)[1:3]
    return ops.reshape(ops.transpose(masks, (0, 3, 1, 2)), (-1, height, width, 1))


def objects_from_batch(maps: Tensor, objects: int) -> Tensor:
    """`(B·N, T, H, W, 1)` to `(B, T, H, W, N)`, for N `objects`."""
    if objects == 1:
        return maps
    maps = ops.reshape(maps, (-1, objects, *ops.shape(maps)[1:4]))  # (B, N, T, H, W)
    return ops.transpose(maps, (0, 2, 3, 4, 1))


def repeat_for_objects(tree: Any, objects: int) -> Any:
    """Repeat each row of every tensor in a tree, once per object of its clip."""
    if objects == 1:
        return tree
    return keras.tree.map_structure(lambda x: ops.repeat(x, objects, axis=0), tree)


def sum_of_others(maps: Tensor, objects: Tensor | int) -> Tensor:
    """For each row, the sum over the other objects of its clip or frame.

    Args:
        maps: `(B·N, …)`.
        objects: N.

    Returns:
        A tensor of the shape of `maps`.
    """
    # `objects` may be a tensor, which has no value while a graph is traced.
    if isinstance(objects, int) and objects == 1:
        return ops.zeros_like(maps)
    grouped = ops.reshape(maps, (-1, objects, *ops.shape(maps)[1:]))
    others = ops.sum(grouped, axis=1, keepdims=True) - grouped
    return ops.reshape(others, ops.shape(maps))


def objects_per_frame(features: dict[str, Tensor], masks: Tensor) -> Tensor | int:
    """Number of mask rows per row of features; with a single frame, all of them."""
    frames = next(iter(features.values()))
    return ops.shape(masks)[0] // ops.shape(frames)[0]


def exclusive(logits: Tensor, objects: Tensor | int) -> Tensor:
    """Probabilities of mutually exclusive objects.

    A softmax over the objects of a frame and a background with logit 0; for one object, a sigmoid.

    Args:
        logits: `(B·N, …)`, each object against the background.
        objects: N.
    """
    logits = ops.minimum(logits, 80.0)  # 254 · e⁸⁰ still fits in float32
    odds = ops.exp(logits)
    others = ops.relu(sum_of_others(odds, objects))  # rounding may make the sum negative
    # The softmax eˡ ÷ (1 + Σ eˡ), written as a sigmoid; the 1 is the background's e⁰.
    return ops.sigmoid(logits - ops.log(1 + others))
