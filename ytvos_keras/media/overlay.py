"""Draw masks over a frame."""

import numpy as np

from ytvos_keras.media.palette import davis_palette


def overlay(
    frame: np.ndarray,
    label_map: np.ndarray,
    palette: np.ndarray | None = None,
    alpha: float = 0.5,
) -> np.ndarray:
    """Tint every object in its colour and draw its contour, one pixel wide, in the full colour.

    Args:
        frame: uint8 (H, W, 3), RGB, 0–255.
        label_map: uint8 (H, W), 0 = background.
        palette: uint8 (256, 3), RGB; None for the DAVIS palette.
        alpha: share of the colour in the tint, 0–1.

    Returns:
        uint8 (H, W, 3), RGB, 0–255; the background is the frame's, exactly.

    Raises:
        ValueError: the frame and the label map differ in size, or alpha is not in 0–1.
    """
    if frame.shape[:2] != label_map.shape:
        raise ValueError(
            f"frame and label map must have one size. Received: {frame.shape[:2]} and "
            f"{label_map.shape}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be between 0 and 1. Received: {alpha}")
    palette = davis_palette() if palette is None else palette
    result = frame.copy()
    inside = label_map > 0
    colours = palette[label_map[inside]].astype(np.uint32)
    share = round(alpha * 256)  # integers take a third of the time of floats
    result[inside] = (frame[inside] * np.uint32(256 - share) + colours * share + 128) >> 8
    edge = contour(label_map)
    result[edge] = palette[label_map[edge]]
    return result


def contour(label_map: np.ndarray) -> np.ndarray:
    """Mark the object pixels that have another label above, below, left or right of them.

    Args:
        label_map: uint8 (H, W), 0 = background.

    Returns:
        Boolean (H, W): the contours of all objects, one pixel wide, inside the objects. The border
        of the picture is no contour.
    """
    edge = np.zeros(label_map.shape, bool)
    rows = label_map[1:] != label_map[:-1]
    columns = label_map[:, 1:] != label_map[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    return edge & (label_map > 0)
