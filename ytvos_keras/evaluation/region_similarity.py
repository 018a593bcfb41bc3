"""Region similarity J."""

import numpy as np

from ytvos_keras.evaluation.mask_checks import as_masks


def region_similarity(mask: np.ndarray, truth: np.ndarray) -> float:
    """J = |M ∩ G| ÷ |M ∪ G| of one object in one frame; 1 where both are empty.

    Args:
        mask: (H, W), boolean or 0/1: the prediction.
        truth: (H, W), boolean or 0/1: the ground truth.

    Returns:
        0–1.

    Raises:
        ValueError: The masks are not binary, or differ in size.

    Example:
        >>> region_similarity(np.eye(2), np.ones((2, 2)))
        0.5

    References:
        - Perazzi et al., A Benchmark Dataset and Evaluation Methodology for VOS, CVPR 2016.
    """
    mask, truth = as_masks(mask, truth)
    union = np.count_nonzero(mask | truth)
    return float(np.count_nonzero(mask & truth) / union) if union else 1.0
