"""Merge a forward and a backward pass."""

import bisect
from collections.abc import Mapping, Sequence

import numpy as np

Trusted = Mapping[int, Sequence[int]]
"""Object id → indexes of the frames in which a given mask shows it, ascending."""

Chosen = Mapping[int, tuple[bool, int]]
"""Object id → whether to use the forward pass in a frame, and how far its given mask is."""


def trusted_ids(trusted: Trusted, index: int) -> list[int]:
    """The objects whose given mask in a frame is used."""
    return [object_id for object_id, indexes in trusted.items() if index in indexes]


def keep_ids(label_map: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Keep only the objects among `ids` in a label map, uint8 (H, W)."""
    return np.where(np.isin(label_map, ids), label_map, np.uint8(0))


def default_direction(trusted: Trusted, first: int) -> str:
    """The default: `both` if no mask is given for the first frame, else `forward`."""
    begin = min(indexes[0] for indexes in trusted.values())
    return "both" if begin > first else "forward"


def choose_directions(
    index: int, trusted: Trusted, confidence: tuple[Mapping[int, float], Mapping[int, float]]
) -> Chosen:
    """Choose the pass from which to take each object in a frame.

    Before its first given mask it is the backward pass, after its last the forward pass, and
    between two the more confident pass, or, without confidences, the one with the nearer given
    mask. `confidence` is the expected J of each object, 0–1, in the forward and in the backward
    pass.
    """
    chosen: dict[int, tuple[bool, int]] = {}
    for object_id, indexes in trusted.items():
        before, after = _distances(indexes, index)
        if before is None or after is None:
            is_forward = before is not None
        else:
            forward, backward = (side.get(object_id) for side in confidence)
            # In a frame with a given mask, both passes have it, so confidence does not matter.
            if forward is None or backward is None or forward == backward or before == 0:
                is_forward = before <= after
            else:
                is_forward = forward > backward
        distance = before if is_forward else after
        assert distance is not None  # an object has a given mask on at least one side
        chosen[object_id] = is_forward, distance
    return chosen


def merge_directions(forward: np.ndarray, backward: np.ndarray, chosen: Chosen) -> np.ndarray:
    """Merge the label maps of one frame from a forward and a backward pass, uint8 (H, W).

    Where objects of different passes overlap, the one with the nearer given mask is on top.
    """
    labels = np.zeros_like(forward)
    # The nearest is written last, so it is on top; at equal distances, the lower id.
    far_to_near = sorted(chosen.items(), key=lambda item: (item[1][1], item[0]), reverse=True)
    for object_id, (is_forward, _) in far_to_near:
        labels[(forward if is_forward else backward) == object_id] = object_id
    return labels


def _distances(indexes: Sequence[int], index: int) -> tuple[int | None, int | None]:
    """Frames since the last given mask at or before a frame, and to the next at or after it."""
    place = bisect.bisect_right(indexes, index)
    before = index - indexes[place - 1] if place else None
    if before == 0:  # the same mask on both sides
        return 0, 0
    return before, indexes[place] - index if place < len(indexes) else None
