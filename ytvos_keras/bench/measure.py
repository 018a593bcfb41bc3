"""Measure time and memory robustly on a noisy machine."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from ytvos_keras.progress import Progress, silent

Key = TypeVar("Key")


@dataclass(frozen=True)
class Timing:
    """The durations of one case, in seconds, in the order in which they were measured."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median duration in seconds: what a user experiences."""
        return median(self.seconds)

    @property
    def minimum(self) -> float:
        """The shortest duration in seconds, the one least disturbed by other processes."""
        return min(self.seconds)

    def figures(self) -> dict[str, float]:
        """Return the figures of a `Row`."""
        return {"median_s": self.median, "minimum_s": self.minimum}


def interleave(
    cases: Mapping[Key, Callable[[], object]],
    *,
    warmup: int = 3,
    repeats: int = 20,
    before: Mapping[Key, Callable[[], object]] | None = None,
    progress: Progress = silent,
) -> dict[Key, Timing]:
    """Time several functions in turns: each runs once per round.

    The speed of a shared machine drifts. Functions that take turns all see the same drift, so
    their ratios are reliable even where their absolute times are not.

    Args:
        cases: Functions without arguments by name. A function must have finished its work when it
            returns; on an accelerator it must fetch its result.
        warmup: Rounds that are not measured (tracing, memory allocation, caches).
        repeats: Rounds that are measured, at least 1.
        before: For each case, a function that is called before each of its runs, not measured.
        progress: Called before every round, and at the end.

    Returns:
        The timing of every case, under the same names and in the same order.

    Example:
        >>> timings = interleave({"ours": ours, "reference": reference}, repeats=10)
        >>> timings["reference"].median / timings["ours"].median
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be at least 1. Received: repeats={repeats}")
    seconds: dict[Key, list[float]] = {key: [] for key in cases}
    total = warmup + repeats
    for round_ in range(total):
        progress("warming up" if round_ < warmup else "measuring", round_, total)
        for key, function in cases.items():
            if before is not None:
                before[key]()
            start = time.perf_counter()
            function()
            elapsed = time.perf_counter() - start
            if round_ >= warmup:
                seconds[key].append(elapsed)
    progress("measured", total, total)
    return {key: Timing(tuple(values)) for key, values in seconds.items()}
