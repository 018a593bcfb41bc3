"""Mean J over the length of the video, as in the paper's Figure 3."""

from collections.abc import Iterable

import numpy as np

from ytvos_keras.evaluation.results import ObjectScores

POSITIONS = np.linspace(0, 100, 101)  # in percent of an object's scored frames
POSITIONS.flags.writeable = False  # shared by every caller


def j_over_time(objects: Iterable[ObjectScores]) -> np.ndarray:
    """Mean J of all objects at each percent of the video.

    The scored frames of an object are spread evenly from 0 % (the first) to 100 % (the last), with
    linear interpolation in between, and the curves of all objects are averaged with equal weights.
    For an object that appears late, 0 % is where it appears. A single scored frame gives a flat
    curve; objects without scored frames are left out.

    Returns:
        float64 (101,), 0–1, at `POSITIONS`; NaN if no object has a scored frame.

    References:
        - Figure 3 of the paper. It does not say how videos of different lengths were averaged.
    """
    curves = [
        np.interp(POSITIONS, np.linspace(0, 100, len(scores.J)), scores.J)
        for scores in objects
        if scores.frames
    ]
    return np.mean(curves, axis=0) if curves else np.full(len(POSITIONS), np.nan)
