"""Check a pair of masks before they are compared."""

import numpy as np


def as_masks(mask: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks (H, W), boolean or 0/1, as booleans; raises a `ValueError` otherwise."""
    mask, truth = np.asarray(mask), np.asarray(truth)
    if mask.ndim != 2 or mask.shape != truth.shape or not (_is_binary(mask) and _is_binary(truth)):
        raise ValueError(
            "`mask` and `truth` must be masks of one object and of equal size (H, W), boolean or "
            "0/1; select an object of a label map with `labels == object_id`. "
            f"Received: {_described(mask)} and {_described(truth)}"
        )
    return mask.astype(bool, copy=False), truth.astype(bool, copy=False)


def check_label_maps(prediction: np.ndarray, truth: np.ndarray) -> None:
    """Raise a `ValueError` unless both are label maps of equal size, uint8 (H, W)."""
    maps = prediction, truth
    if truth.ndim != 2 or prediction.shape != truth.shape or any(m.dtype != np.uint8 for m in maps):
        raise ValueError(
            "`prediction` and `truth` must be uint8 label maps of equal size (H, W); resize the "
            "prediction to the size of the truth, with nearest neighbour. "
            f"Received: {_described(prediction)} and {_described(truth)}"
        )


def _is_binary(array: np.ndarray) -> bool:
    return array.dtype == bool or bool(((array == 0) | (array == 1)).all())


def _described(array: np.ndarray) -> str:
    values = f", values {array.min()}–{array.max()}" if array.size and array.dtype != bool else ""
    return f"{array.dtype} {array.shape}{values}"
