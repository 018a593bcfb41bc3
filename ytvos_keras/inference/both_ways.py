"""Segment frames in memory, or from any iterable, in both directions from the given masks."""

import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ytvos_keras.errors import InputError, check_choices
from ytvos_keras.inference.directions import (
    Trusted,
    choose_directions,
    keep_ids,
    merge_directions,
    trusted_ids,
)
from ytvos_keras.inference.input_checks import check_frame
from ytvos_keras.inference.options import DIRECTIONS
from ytvos_keras.media.masks import check_label_map, ids_in, read_written_mask, write_mask
from ytvos_keras.media.pictures import read_rgb
from ytvos_keras.media.reversed_frames import spool


def segment_both_ways(
    segmenter,
    frames: Iterable[np.ndarray],
    masks: np.ndarray | Mapping[int, np.ndarray],
    corrections: Mapping[int, np.ndarray] | None,
    direction: str,
) -> Generator[np.ndarray, None, set[int]]:
    """Implement `Segmenter.segment` with a backward pass; return the frames of unused masks.

    The masks of that pass, and frames that cannot be indexed, are kept in temporary files, so that
    memory does not grow with the video. The segmenter ends in the state after the forward pass, or,
    if there is none, in the state before the call.
    """
    check_choices({"direction": direction}, {"direction": DIRECTIONS})
    # Objects tracked so far are still tracked forward, unless they are corrected.
    tracked = segmenter.object_ids if direction == "both" else []
    given, trusted = _given(masks, dict(corrections or {}), tracked)
    with tempfile.TemporaryDirectory(prefix="ytvos-both-") as name:
        folder = Path(name)
        is_indexed = isinstance(frames, Sequence | np.ndarray)
        # Frames are read backward and then forward; an iterator can be read once, and only forward.
        clip: Any = frames if is_indexed else _Spooled(frames, folder)
        used = given.keys() & range(len(clip))
        trusted = _before(len(clip), trusted)
        # From the last given mask: after it there is nothing to track backward.
        last = max(used, default=-1)
        confidences = _backward_pass(segmenter, clip, given, last, folder)
        for index in range(len(clip)):
            needed = direction == "both" or index > last
            frame: Any = clip[index] if needed else None
            if index <= last:
                backward = read_written_mask(folder / f"{index}.png")
            else:
                backward = np.zeros(np.shape(frame)[:2], np.uint8)
            if direction == "backward":
                yield backward
                continue
            forward = _step(segmenter, frame, given.get(index))
            confidence = segmenter.confidence, confidences.get(index, {})
            chosen = choose_directions(index, trusted, confidence)
            yield merge_directions(forward, backward, chosen)
    return given.keys() - used


class _Spooled:
    """Frames of an iterator, on disk."""

    def __init__(self, frames: Iterable[np.ndarray], folder: Path):
        named = ((f"frame-{i}", check_frame(x, f"frame {i}")) for i, x in enumerate(frames))
        self._files = [folder / f"{name}.png" for name in spool(named, folder)]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_rgb(self._files[index])


def _backward_pass(
    segmenter, clip: Any, given: Mapping[int, np.ndarray], last: int, folder: Path
) -> dict[int, Mapping[int, float]]:
    """Write the label maps of frame `last` to the first; return the confidences in each.

    The segmenter is left in the state before the call.
    """
    before, confidences = segmenter.video, {}
    # Objects tracked so far have no mask at the end of the clip to start from.
    segmenter.reset()
    try:
        for index in range(last, -1, -1):
            labels = _step(segmenter, clip[index], given.get(index))
            confidences[index] = segmenter.confidence
            write_mask(folder / f"{index}.png", labels)
    finally:
        segmenter.restore(before)
    return confidences


def _given(
    masks: np.ndarray | Mapping[int, np.ndarray],
    corrections: dict[int, np.ndarray],
    tracked: Sequence[int],
) -> tuple[dict[int, np.ndarray], Trusted]:
    """The given label map of each frame, and the frames of each object's masks.

    `tracked` objects count as given in the frame before the first.
    """
    masks = dict(masks) if isinstance(masks, Mapping) else {0: masks}
    given: dict[int, np.ndarray] = {}
    trusted: dict[int, set[int]] = {object_id: {-1} for object_id in tracked}
    for index, label_map in sorted(masks.items()):
        labels = check_label_map(label_map, name=f"mask of frame {index}")
        # In `masks`, an object only counts in its first frame; `corrections` adds others.
        new = [object_id for object_id in ids_in(labels) if object_id not in trusted]
        given[index] = keep_ids(labels, new)
        trusted |= {object_id: {index} for object_id in new}
    for index, label_map in corrections.items():
        labels = check_label_map(label_map, name=f"correction of frame {index}")
        ids = ids_in(labels)
        if unknown := [object_id for object_id in ids if object_id not in trusted]:
            raise InputError(f"correction of frame {index}: object {unknown[0]} has no first mask.")
        below = given.get(index, np.zeros_like(labels))
        given[index] = np.where(labels > 0, labels, np.where(np.isin(below, ids), 0, below))
        for object_id in ids:
            trusted[object_id].add(index)
    ordered = {object_id: sorted(indexes) for object_id, indexes in trusted.items()}
    return {i: labels for i, labels in given.items() if trusted_ids(ordered, i)}, ordered


def _before(count: int, trusted: Trusted) -> Trusted:
    """Leave out the masks of frames that a clip of `count` frames does not have."""
    within = {i: [n for n in indexes if n < count] for i, indexes in trusted.items()}
    return {i: indexes for i, indexes in within.items() if indexes}


def _step(segmenter, frame: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    if given is not None:
        segmenter.add_objects(given, indexed=True)  # checked by `_given`
    return segmenter.step(frame)
