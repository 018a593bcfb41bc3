"""Plan which frames to compute from which trusted frame."""

import bisect
import dataclasses
import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Literal

Direction = Literal["forward", "backward", "both"]
DIRECTIONS = ("forward", "backward", "both")


@dataclasses.dataclass(frozen=True)
class Chain:
    """Frames to compute in sequence, starting next to a trusted frame.

    Attributes:
        objects: ids of the objects whose masks are wanted.
        source: index of the trusted frame.
        frames: indexes in the order of computation, starting next to the source.
        beyond: the next trusted frame in that order; None if there is none.
    """

    objects: tuple[int, ...]
    source: int
    frames: range
    beyond: int | None = None


def plan(
    trusted: Mapping[int, Collection[int]],
    start: int,
    stop: int,
    direction: Direction,
    is_fresh: Callable[[int, int, tuple[int, ...]], bool],
) -> list[Chain]:
    """List the chains that bring the frames from `start` to `stop` - 1 up to date.

    Forward, a frame is propagated from the last trusted frame before it; backward, from the first
    one after it; with `both`, from the nearer of the two. A new trusted frame therefore changes
    only the frames up to its trusted neighbours. Objects that are trusted in the same frames share
    chains. A chain always starts next to its source, even if that is outside the range.

    `trusted` maps frames to the ids of their trusted objects. `is_fresh(source, frame, ids)` tells
    whether the masks of these objects in the frame were computed from the source.
    """
    chains = []
    for objects, sources in _groups(trusted):
        for source, frames, beyond in _reaches(sources, start, stop, direction):
            stale = [f for f in frames if start <= f < stop and not is_fresh(source, f, objects)]
            if stale:
                length = abs(stale[-1] - source)
                # Fresh frames on the way are recomputed: the model's state passes through them.
                chains.append(Chain(objects, source, frames[:length], beyond))
    return chains


def _groups(
    trusted: Mapping[int, Collection[int]],
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Group objects that are trusted in the same frames: (ids, frames), earliest first."""
    by_object: dict[int, list[int]] = {}
    for index in sorted(trusted):
        for object_id in trusted[index]:
            by_object.setdefault(object_id, []).append(index)
    by_frames = sorted((tuple(frames), object_id) for object_id, frames in by_object.items())
    # Objects in one chain share the Encoder's work, but must start from the same frames.
    grouped = itertools.groupby(by_frames, key=lambda item: item[0])
    return [(tuple(object_id for _, object_id in items), frames) for frames, items in grouped]


def _reaches(sources: tuple[int, ...], start: int, stop: int, direction: Direction):
    """Yield each trusted frame with the frames to propagate it to, in order."""
    for source in sources:
        place = bisect.bisect_left(sources, source)
        before = sources[place - 1] if place else None
        after = sources[place + 1] if place + 1 < len(sources) else None
        if direction != "backward":
            last = stop - 1 if after is None else after - 1
            if direction == "both" and after is not None:
                last = (source + after) // 2  # the frame in the middle belongs to the earlier one
            yield source, range(source + 1, min(last, stop - 1) + 1), after
        if direction != "forward":
            first = start if before is None else before + 1
            if direction == "both" and before is not None:
                first = (before + source) // 2 + 1
            yield source, range(source - 1, max(first, start) - 1, -1), before
