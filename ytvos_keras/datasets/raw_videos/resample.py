"""Resample the frame rate to the nearest time stamps."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np


def resample(
    frames: Iterable[tuple[Fraction, np.ndarray]], count: int, rate: Fraction
) -> Iterator[np.ndarray]:
    """Yield frames at a steady rate: at each time the frame whose time stamp is nearest.

    Nothing is interpolated: frames of a faster video are dropped, those of a slower one are
    repeated (the same array), and all are kept at the same rate (also 29.97 for 30). Of two equally
    near frames the earlier is used.

    Args:
        frames: (time in seconds, frame) in order, at least one; the first is due first.
        count: number of frames; the last is repeated if the video ends early.
        rate: frames per second.
    """
    frames = iter(frames)
    start, nearest = next(frames)
    time, later = start, next(frames, None)
    for index in range(count):
        due = start + index / rate
        while later is not None and abs(later[0] - due) < abs(time - due):
            (time, nearest), later = later, next(frames, None)
        yield nearest
