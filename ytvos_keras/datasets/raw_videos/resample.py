"""Change the frame rate by nearest time stamp."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np


def resample(
    frames: Iterable[tuple[Fraction, np.ndarray]], count: int, rate: Fraction
) -> Iterator[np.ndarray]:
    """Yield frames at a steady rate: at each time the frame whose time stamp is nearest.

    Nothing is interpolated: of a faster video frames are left out, of a slower one they are
    repeated (the same array), of the same rate (also 29.97 for 30) all are kept. Of two equally
    near frames the earlier is taken.

    Args:
        frames: (time in seconds, frame) in order, at least one; the first is due first.
        count: frames wanted; the last is repeated where the video ends early.
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
