"""Mean, recall and decay of a measure over the frames of one object."""

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

RECALL_THRESHOLD = 0.5
_BINS = 4


class Statistics(NamedTuple):
    """Mean, recall and decay of J or F, as fractions; NaN if there is nothing to average.

    `mean` and `recall` are in 0–1, `decay` in −1–1 (positive: it gets worse over time).
    """

    mean: float
    recall: float
    decay: float


def statistics_over_frames(values: np.ndarray) -> Statistics:
    """Mean, recall and decay of one object in one sequence.

    Recall is the share of frames above 0.5. Decay is the mean of the first quarter of the frames
    minus that of the last; neighbouring quarters share a frame. The official code stores the
    borders of the quarters as uint8, which wraps around beyond 256 frames; here they are exact.

    Args:
        values: (n,), 0–1, in the order of the frames.

    Returns:
        Fractions; all NaN if n = 0.

    Example:
        >>> statistics_over_frames(np.linspace(1, 0, 11))
        Statistics(mean=0.5, recall=0.45454545454545453, decay=0.75)

    References:
        - Perazzi et al., A Benchmark Dataset and Evaluation Methodology for VOS, CVPR 2016,
          section 5.1.
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return Statistics(np.nan, np.nan, np.nan)
    # From 1 on as in the official code; halves are rounded up, which np.round alone does not do.
    borders = np.round(np.linspace(1, len(values), _BINS + 1) + 1e-10).astype(np.int64) - 1
    first = values[borders[0] : borders[1] + 1]
    last = values[borders[-2] : borders[-1] + 1]
    recall = np.mean(values > RECALL_THRESHOLD)
    return Statistics(float(values.mean()), float(recall), float(first.mean() - last.mean()))


def statistics_over_objects(statistics: Iterable[Statistics]) -> Statistics:
    """Average each statistic over objects, not over sequences.

    Objects without a scored frame (NaN) do not count.
    """
    # The reshape keeps the columns if there are no objects.
    table = np.array(list(statistics), np.float64).reshape(-1, len(Statistics._fields))
    with warnings.catch_warnings():  # without objects, NaN is the intended result
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return Statistics(*np.nanmean(table, axis=0).tolist())
