"""Reference J, F and statistics: a direct, slow transcription of the formulas.

Shares no code with the package, which is tested against it.
"""

import numpy as np


def J(mask, truth):
    union = (mask | truth).sum()
    return (mask & truth).sum() / union if union > 0 else 1.0


def F(mask, truth, radius=None):
    height, width = truth.shape
    if radius is None:
        radius = int(np.ceil(0.008 * np.sqrt(height**2 + width**2)))
    b_m, b_g = boundary(mask), boundary(truth)
    n_m, n_g = b_m.sum(), b_g.sum()
    if n_m == 0 and n_g > 0:
        precision, recall = 1.0, 0.0
    elif n_m > 0 and n_g == 0:
        precision, recall = 0.0, 1.0
    elif n_m == 0 and n_g == 0:
        precision, recall = 1.0, 1.0
    else:
        precision = (b_m & dilated(b_g, radius)).sum() / n_m
        recall = (b_g & dilated(b_m, radius)).sum() / n_g
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def boundary(s):
    """XOR with zero-filled shifts left, up and both; the last row and column are special cases."""
    east, south, south_east = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    east[:, :-1] = s[:, 1:]
    south[:-1, :] = s[1:, :]
    south_east[:-1, :-1] = s[1:, 1:]
    b = (s ^ east) | (s ^ south) | (s ^ south_east)
    b[-1, :] = s[-1, :] ^ east[-1, :]
    b[:, -1] = s[:, -1] ^ south[:, -1]
    b[-1, -1] = False
    return b


def dilated(b, radius):
    """Set every pixel that has a set pixel within the disk x² + y² ≤ r²."""
    height, width = b.shape
    padded = np.pad(b, radius)
    result = np.zeros_like(b)
    for y in range(-radius, radius + 1):
        for x in range(-radius, radius + 1):
            if x**2 + y**2 <= radius**2:
                result |= padded[radius + y :, radius + x :][:height, :width]
    return result


def statistics(values):
    """(mean, recall, decay) of at least one value."""
    n = len(values)
    mean = sum(values) / n
    recall = sum(value > 0.5 for value in values) / n
    ids = [int(np.round(1 + (n - 1) * k / 4 + 1e-10)) - 1 for k in range(5)]
    bins = [values[ids[k] : ids[k + 1] + 1] for k in range(4)]
    decay = sum(bins[0]) / len(bins[0]) - sum(bins[3]) / len(bins[3])
    return mean, recall, decay
