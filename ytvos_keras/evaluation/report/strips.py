"""Strips of frames overlaid with masks: the paper's Figures 4 and 5."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.evaluation.method_table import percent
from ytvos_keras.evaluation.report.tables import frame_means
from ytvos_keras.evaluation.results import Evaluation
from ytvos_keras.media.overlay import contour, overlay
from ytvos_keras.media.pictures import encode_picture

_COLUMNS = 5  # after the first, which shows only the ground truth
# Width and height of a thumbnail, in pixels: sharp at half the size on a high-density screen.
_LARGEST = (320, 240)
_QUALITY = 80
_GREY = 112  # where there is no frame
# Colours that are rare in frames. The first ones of the DAVIS palette disappear on dark frames.
_COLOURS = (
    (240, 60, 190),
    (50, 165, 255),
    (255, 190, 40),
    (70, 215, 110),
    (235, 64, 64),
    (165, 120, 255),
    (50, 215, 215),
    (255, 140, 60),
)


@dataclass(frozen=True)
class SequencePictures:
    """The masks and frames of one sequence; the functions are called for the frames shown.

    Args:
        first: name of the first annotated frame.
        truth: from a frame's name to its ground truth, uint8 (H, W), by the protocol's rules.
        predictions: for each method, from a frame's name to its mask, uint8 (H, W).
        frame: from a frame's name to the frame, uint8 (H', W', 3), RGB; None if it is not
            available.
    """

    first: str
    truth: Callable[[str], np.ndarray]
    predictions: Mapping[str, Callable[[str], np.ndarray]]
    frame: Callable[[str], np.ndarray | None]


@dataclass(frozen=True)
class Picture:
    """One frame of a strip: a `data:` URI, the frame's name, and J in percent ("" for none)."""

    source: str
    frame: str
    J: str = ""


@dataclass(frozen=True)
class Strip:
    """One sequence: the first ground truth, then the same frames for each method."""

    sequence: str
    first: Picture
    rows: dict[str, list[Picture]]


def draw_strip(
    sequence: str, evaluations: Mapping[str, Evaluation], pictures: SequencePictures
) -> Strip:
    """Draw one sequence; methods without predictions or scores for it are left out."""
    J = {
        method: frame_means(scores for scores in evaluation.objects if scores.sequence == sequence)
        for method, evaluation in evaluations.items()
        if method in pictures.predictions
    }
    J = {method: values for method, values in J.items() if values}
    shown = choose_frames(list(next(iter(J.values()), ())))
    rows: dict[str, list[Picture]] = {method: [] for method in J}
    for name in shown:
        frame, truth = pictures.frame(name), pictures.truth(name)
        for method, values in J.items():
            drawn = draw_mask(frame, pictures.predictions[method](name), truth)
            rows[method].append(Picture(drawn, name, percent(values.get(name, np.nan))))
    first = draw_mask(pictures.frame(pictures.first), pictures.truth(pictures.first))
    return Strip(sequence, Picture(first, pictures.first), rows)


def choose_frames(frames: Sequence[str]) -> list[str]:
    """Choose up to five evenly spaced frames, including the last (the first has its own column).

    Example:
        >>> choose_frames(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
        ['2', '4', '6', '8', '10']
    """
    if len(frames) <= _COLUMNS:
        return list(frames)
    places = np.linspace(0, len(frames) - 1, _COLUMNS + 1).round().astype(int)
    return [frames[place] for place in places[1:]]


def draw_mask(
    frame: np.ndarray | None, label_map: np.ndarray, truth: np.ndarray | None = None
) -> str:
    """Draw a thumbnail with a mask, as a `data:` URI.

    Args:
        frame: uint8 (H', W', 3), RGB, 0–255, of any size; None for a grey image.
        label_map: uint8 (H, W), 0 = background; tinted and outlined, one colour per object.
        truth: uint8 (H, W); outlined in white, with a dark rim.

    Returns:
        A JPEG of at most 320×240 pixels with the proportions of `label_map`.
    """
    size = _fitting(label_map.shape)
    if frame is None:
        small = np.full((size[1], size[0], 3), _GREY, np.uint8)
    else:
        small = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
    # Drawn at the size shown: contours drawn before shrinking would fade.
    small = overlay(small, _shrink(label_map, size), _palette(), alpha=0.45)
    if truth is not None:
        truth = _shrink(truth, size)
        small[contour((truth == 0).astype(np.uint8))] //= 2  # so that white is visible on snow
        small[contour(truth)] = 255
    # subsampling=0: thin coloured lines would lose their colour.
    data = encode_picture(Image.fromarray(small), "JPEG", quality=_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _fitting(shape: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the thumbnail of an image with this height and width."""
    height, width = shape
    scale = min(_LARGEST[0] / width, _LARGEST[1] / height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrink(label_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    # Interpolation would invent ids between those of two objects.
    return np.asarray(Image.fromarray(label_map).resize(size, Image.Resampling.NEAREST))


def _palette() -> np.ndarray:
    """uint8 (256, 3): the colours in a cycle, id 1 with the first."""
    return np.array(_COLOURS, np.uint8)[(np.arange(256) - 1) % len(_COLOURS)]
