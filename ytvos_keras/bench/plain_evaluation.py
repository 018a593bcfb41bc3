"""The reference of `ytvos-bench evaluation`: J and F implemented directly from the formulas."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.morphology import disk


def plain_evaluation(
    predictions: Path, truth: Path, on_sequence: Callable[[int, int], None]
) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Score by the rules of DAVIS 2017: in one process, whole frames, object by object.

    Both folders contain one folder of PNGs per sequence. `on_sequence` is called after every
    sequence with the number of sequences done and the total.

    Returns:
        For each sequence and object id: `J` and `F` of its frames, float64 (n,), 0–1; and
        `statistics`, float64 (2, 3): mean, recall and decay of each.
    """
    scores = {}
    folders = sorted(truth.iterdir())
    for n, folder in enumerate(folders):
        files = sorted(folder.glob("*.png"))
        # Synthetic masks have no void pixels, so 255 needs no special case.
        object_ids = [value for value in np.unique(_read(files[0])) if value != 0]
        values: dict[int, list] = {int(i): [] for i in object_ids}
        for file in files[1:-1]:
            labels, true_labels = _read(predictions / folder.name / file.name), _read(file)
            for i in values:
                mask, true_mask = labels == i, true_labels == i
                values[i].append((_j(mask, true_mask), _f(mask, true_mask)))
        for i, pairs in values.items():
            j, f = np.array(pairs).T
            statistics = np.array([_statistics(j), _statistics(f)])
            scores[folder.name, i] = {"J": j, "F": f, "statistics": statistics}
        on_sequence(n + 1, len(folders))
    return scores


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def _j(mask: np.ndarray, truth: np.ndarray) -> float:
    union = np.sum(mask | truth)
    return np.sum(mask & truth) / union if union else 1.0


def _f(mask: np.ndarray, truth: np.ndarray) -> float:
    radius = int(np.ceil(0.008 * np.linalg.norm(truth.shape)))
    element = disk(radius).astype(np.uint8)
    on_mask, on_truth = _boundary(mask), _boundary(truth)
    near_mask = cv2.dilate(on_mask.astype(np.uint8), element).astype(bool)
    near_truth = cv2.dilate(on_truth.astype(np.uint8), element).astype(bool)
    mask_length, truth_length = np.sum(on_mask), np.sum(on_truth)
    if mask_length == 0 or truth_length == 0:
        return float(mask_length == truth_length)
    precision = np.sum(on_mask & near_truth) / mask_length
    recall = np.sum(on_truth & near_mask) / truth_length
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _boundary(mask: np.ndarray) -> np.ndarray:
    right, below, across = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    across[:-1, :-1] = mask[1:, 1:]
    boundary = (mask ^ right) | (mask ^ below) | (mask ^ across)
    # Border rules of `seg2bmap`: the last row compares to the right, the last column downward only.
    boundary[-1] = mask[-1] ^ right[-1]
    boundary[:, -1] = mask[:, -1] ^ below[:, -1]
    boundary[-1, -1] = False
    return boundary


def _statistics(values: np.ndarray) -> tuple[float, float, float]:
    borders = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    bins = [values[borders[k] : borders[k + 1] + 1] for k in range(4)]
    decay = bins[0].mean() - bins[3].mean()
    return float(values.mean()), float((values > 0.5).mean()), float(decay)
