"""Rotation and mirroring metadata of videos, as written by phones."""

from typing import Any

import av
import numpy as np

_ONE = 65536  # 16.16 fixed point


def display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    """The display matrix of a frame, int32 (3, 3); None if it has none.

    Reading it keeps the frame in memory, so only use it on the first frame.
    """
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV fails if the frame has a kind of side data that it does not know (EXIF in Motion
        # JPEG). It still reports the rotation, but not mirroring.
        return _rotation(frame.rotation)
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3).copy()


def is_quarter_turn(matrix: np.ndarray | None) -> bool:
    """Whether x and y are swapped."""
    return matrix is not None and abs(int(matrix[0, 1])) > abs(int(matrix[0, 0]))


def upright(picture: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Apply the display matrix to an image, uint8 (H, W, 3).

    The display matrix [[a, b], [c, d]] maps pixel (x, y) to (a·x + c·y, b·x + d·y); only quarter
    turns and mirroring are supported (https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html).
    """
    if matrix is None:
        return picture
    (a, b), (c, d) = matrix[:2, :2]
    if is_quarter_turn(matrix):
        # The signs of c and b then give the directions of x and y.
        picture, a, d = picture.swapaxes(0, 1), c, b
    picture = picture[:, ::-1] if a < 0 else picture
    picture = picture[::-1] if d < 0 else picture
    # Flips are views with negative strides, which not every consumer accepts.
    return np.ascontiguousarray(picture)


def _rotation(degrees: int) -> np.ndarray | None:
    """The matrix that rotates an image counterclockwise by a multiple of 90°."""
    turns = round(degrees / 90) % 4
    if not turns:
        return None
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    matrix = np.zeros((3, 3), np.int32)
    matrix[:2, :2] = np.array([[cos, -sin], [sin, cos]]) * _ONE
    return matrix
