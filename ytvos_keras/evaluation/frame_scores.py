"""J and F of all objects of one frame."""

from collections.abc import Sequence

import numpy as np

from ytvos_keras.evaluation.contour_accuracy import boundary_tolerance, box_of, contour_accuracy
from ytvos_keras.evaluation.mask_checks import check_label_maps
from ytvos_keras.evaluation.region_similarity import region_similarity


def score_frame(
    prediction: np.ndarray, truth: np.ndarray, object_ids: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """`region_similarity` and `contour_accuracy` of each object of a frame.

    Ids that are not in `object_ids`, such as 255 for void, count as background.

    Args:
        prediction: uint8 (H, W), the predicted object ids.
        truth: uint8 (H, W), the true object ids.
        object_ids: K ids, 1–255.

    Returns:
        J: float64 (K,), 0–1.
        F: float64 (K,), 0–1.

    Raises:
        ValueError: The label maps are not uint8, or differ in size.

    Example:
        >>> score_frame(np.eye(4, dtype=np.uint8), np.eye(4, dtype=np.uint8), [1, 2])
        (array([1., 1.]), array([1., 1.]))
    """
    check_label_maps(prediction, truth)
    # Before the crop: the tolerance belongs to the whole image.
    tolerance = boundary_tolerance(*truth.shape)
    # The bitwise or mixes ids, but is 0 exactly where both are 0.
    box = box_of(prediction | truth)
    prediction, truth = prediction[box], truth[box]
    scores = np.empty((2, len(object_ids)))
    for k, object_id in enumerate(object_ids):
        mask, true_mask = prediction == object_id, truth == object_id
        scores[0, k] = region_similarity(mask, true_mask)
        scores[1, k] = contour_accuracy(mask, true_mask, tolerance)
    return scores[0], scores[1]
