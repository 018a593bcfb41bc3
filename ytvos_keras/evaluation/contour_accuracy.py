"""Contour accuracy F."""

import math

import numpy as np

from ytvos_keras.evaluation.mask_checks import as_masks

TOLERANCE = 0.008
"""How far apart two contours may be and still agree, as a fraction of the image's diagonal."""


def contour_accuracy(mask: np.ndarray, truth: np.ndarray, tolerance: int | None = None) -> float:
    """F = 2PR ÷ (P + R) of one object in one frame.

    The precision P is the share of the mask's contour that is near the truth's contour, the recall
    R the share of the truth's contour that is near the mask's. Near means within `tolerance`
    pixels, straight-line distance. F is 1 where both have no contour and 0 where only one has none.
    An empty mask has no contour, and neither has one that fills the image.

    Args:
        mask: (H, W), boolean or 0/1: the prediction.
        truth: (H, W), boolean or 0/1: the ground truth.
        tolerance: pixels, 0 or more; None for `boundary_tolerance(H, W)`. Masks that were cropped
            (with `box_of`) need that of the whole image.

    Returns:
        0–1.

    Raises:
        ValueError: The masks are not binary, or differ in size.

    Example:
        >>> contour_accuracy(np.eye(9), np.eye(9))
        1.0

    References:
        - Perazzi et al., A Benchmark Dataset and Evaluation Methodology for VOS, CVPR 2016.
        - Martin et al., Learning to Detect Natural Image Boundaries, PAMI 2004.
    """
    mask, truth = as_masks(mask, truth)
    if tolerance is None:
        tolerance = boundary_tolerance(*truth.shape)
    packed = _pack(mask, truth)
    contours = boundary_map(packed[box_of(packed)])
    on_mask, on_truth = _unpack(contours)
    mask_length, truth_length = np.count_nonzero(on_mask), np.count_nonzero(on_truth)
    if not (mask_length and truth_length):
        return float(mask_length == truth_length)
    near_mask, near_truth = _unpack(_dilate(contours, tolerance))
    precision = np.count_nonzero(on_mask & near_truth) / mask_length
    recall = np.count_nonzero(on_truth & near_mask) / truth_length
    # Contours farther apart than the tolerance everywhere; the formula would be 0 ÷ 0.
    if precision + recall == 0:
        return 0.0
    return float(2 * precision * recall / (precision + recall))


def boundary_tolerance(height: int, width: int) -> int:
    """The tolerance of F in pixels, for an image of this size: 0.008 of its diagonal, rounded up.

    Example:
        >>> boundary_tolerance(480, 854)
        8
    """
    # Rounded up, as in the official code (`bound_pix`).
    return math.ceil(TOLERANCE * math.sqrt(height**2 + width**2))


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """Mark pixels that differ from their right, lower, or lower-right neighbour.

    A missing neighbour is replaced by the nearest pixel of the image: the last row is compared
    only to the right, the last column only downward, the corner not at all. The mask and the result
    are (H, W), boolean; or uint8, each bit a separate mask.

    References:
        - Martin et al., Learning to Detect Natural Image Boundaries, PAMI 2004: `seg2bmap` of the
          Berkeley segmentation benchmark.
    """
    contour = np.zeros_like(mask)
    contour[:, :-1] = mask[:, :-1] ^ mask[:, 1:]
    contour[:-1] |= mask[:-1] ^ mask[1:]
    contour[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return contour


def box_of(labels: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of all nonzero pixels, one pixel wider on every side; empty for none.

    The margin, clipped at the edge of the image, makes contours in the box equal to those of the
    whole image: `boundary_map` has a special rule for edges. `labels` is (H, W), integer.

    Example:
        >>> box_of(np.diag([0, 0, 1, 0, 0]))
        (slice(1, 4, None), slice(1, 4, None))
    """
    rows = np.flatnonzero(np.bitwise_or.reduce(labels, axis=1))
    columns = np.flatnonzero(np.bitwise_or.reduce(labels, axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2),
        slice(max(int(columns[0]) - 1, 0), int(columns[-1]) + 2),
    )


def _pack(mask: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pack two masks as bits of one uint8 array, to process both at once."""
    # Bit 0 is the mask, bit 1 the truth.
    return mask + 2 * truth.view(np.uint8)


def _unpack(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (packed & 1) != 0, (packed & 2) != 0


def _dilate(contours: np.ndarray, radius: int) -> np.ndarray:
    """Dilate bitwise with a disk: pixels within `radius` of a contour.

    A disk is a stack of rows that widen from its top to its middle, so each is computed from the
    one before and used at the same distance above and below.
    """
    height, width = contours.shape
    # `radius` empty columns allow shifting the flattened array: nothing spills into the next row.
    row = np.zeros((height, width + radius), contours.dtype)
    row[:, :width] = contours
    near = np.zeros_like(row)
    half = 0
    for dy in range(min(radius, height - 1), -1, -1):
        row = _widen(row, half, half := math.isqrt(radius**2 - dy**2))
        near[dy:] |= row[: height - dy]
        near[: height - dy] |= row[dy:]
    return near[:, :width]


def _widen(row: np.ndarray, half: int, wanted: int) -> np.ndarray:
    """Extend a horizontal dilation from `half` to `wanted` pixels."""
    while half < wanted:
        # A longer step would need intermediate pixels outside the image.
        step = min(wanted - half, half + 1)
        wider = row.copy()
        wider.reshape(-1)[step:] |= row.reshape(-1)[:-step]
        wider.reshape(-1)[:-step] |= row.reshape(-1)[step:]
        row, half = wider, half + step
    return row
