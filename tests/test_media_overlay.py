import numpy as np
import pytest

from ytvos_keras.media import davis_palette, overlay
from ytvos_keras.media.overlay import contour


def test_overlay_tints_objects_and_draws_contours():
    frame = np.full((7, 9, 3), 100, np.uint8)
    labels = np.zeros((7, 9), np.uint8)
    labels[1:6, 1:6] = 1
    labels[1:6, 6:8] = 2
    shown = overlay(frame, labels)
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown[labels == 0], frame[labels == 0])
    assert shown[3, 3].tolist() == [114, 50, 50]  # half frame, half (128, 0, 0)
    assert shown[1, 3].tolist() == [128, 0, 0]  # contour against the background
    assert shown[3, 5].tolist() == [128, 0, 0]  # contour against the other object
    assert shown[3, 6].tolist() == [0, 128, 0]
    assert (frame == 100).all()  # the input is unchanged


def test_overlay_alpha_and_palette():
    frame = np.full((5, 5, 3), 255, np.uint8)
    labels = np.ones((5, 5), np.uint8)  # the image border is not a contour
    np.testing.assert_array_equal(overlay(frame, labels, alpha=0), frame)
    palette = davis_palette().copy()
    palette[1] = 255, 255, 0
    assert (overlay(frame, labels, palette, alpha=1) == [255, 255, 0]).all()


def test_contour_is_inside_the_objects():
    labels = np.zeros((5, 7), np.uint8)
    labels[1:4, 1:4] = 1
    labels[1:4, 4:] = 2  # next to the first object, and touching the border
    expected = [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 1],
        [0, 1, 0, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(contour(labels), np.array(expected, bool))


def test_overlay_errors():
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="the same size"):
        overlay(frame, np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"alpha must be between 0 and 1. Received: 2"):
        overlay(frame, np.zeros((4, 4), np.uint8), alpha=2)
