"""Colour changes as matrices: contrast, saturation and hue in one multiplication."""

import numpy as np

from ytvos_keras.data.augmentation import AppearanceConfig, VideoConfig

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SKEW = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32) / np.float32(np.sqrt(3))


def colour_matrices(
    values: np.ndarray, config: AppearanceConfig | VideoConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices and offsets for colours 0-255.

    Args:
        values: float32 (frames, 4), mostly in [-1, 1]: brightness, contrast, saturation, hue,
            relative to the largest change.
        config: the largest changes.

    Returns:
        float32 (frames, 3, 3), rows for the new colours, and float32 (frames, 3).
    """
    brightness, contrast, saturation, hue = np.asarray(values, np.float32).T[..., None, None]
    contrast = np.exp(contrast * config.contrast)  # a factor is as likely as its inverse
    saturation = np.maximum(1.0 + saturation * config.saturation, 0.0)
    # Rotating the hue, about the grey axis, preserves the sum of the channels.
    cosine, sine = np.cos(hue * config.hue), np.sin(hue * config.hue)
    # Rodrigues' formula for the axis (1, 1, 1) ÷ √3.
    turn = cosine * np.eye(3) + (1.0 - cosine) / 3.0 + sine * _SKEW
    grey = (1.0 - saturation) * np.tile(_LUMA, (3, 1))
    matrix = contrast * ((saturation * np.eye(3) + grey) @ turn)
    # Contrast leaves middle grey, 127, unchanged.
    offset = brightness * config.brightness * 255.0 + 127.0 * (1.0 - contrast)
    offset = np.broadcast_to(offset[:, 0], (len(values), 3))
    return matrix.astype(np.float32), offset.astype(np.float32)


def greying(config: AppearanceConfig | VideoConfig) -> float:
    """The saturation, in `values` of `colour_matrices`, that turns all colours grey."""
    # Makes the factor 1 + value · range exactly 0.
    return -1.0 / max(config.saturation, 1e-3)
