import numpy as np
import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media import box_trimap


def test_box_is_unknown_inside_and_background_outside():
    trimap = box_trimap((4, 6), (1, 2, 3, 1))
    assert trimap.dtype == np.float32
    assert trimap.tolist() == [[0] * 6, [0] * 6, [0, 0.5, 0.5, 0.5, 0, 0], [0] * 6]


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((-2, -1, 4, 3), slice(0, 2), slice(0, 2)),
        ((4, 3, 9, 9), slice(3, 4), slice(4, 6)),
        ((-5, -5, 99, 99), slice(0, 4), slice(0, 6)),
    ],
)
def test_part_outside_the_frame_is_ignored(box, rows, columns):
    expected = np.zeros((4, 6))
    expected[rows, columns] = 0.5
    np.testing.assert_array_equal(box_trimap((4, 6), box), expected)


def test_numbers_of_numpy_do_not_overflow():
    box = np.array([200, 0, 100, 1], np.uint8)
    assert box_trimap((1, 400), box).sum() == 50


@pytest.mark.parametrize("box", [(1.5, 0, 2, 2), (0, 0, 2), "0,0,2,2", None])
def test_box_must_be_four_whole_numbers(box):
    with pytest.raises(InputError, match="left, top, width, height in whole pixels"):
        box_trimap((4, 6), box)


@pytest.mark.parametrize(
    "box", [(6, 0, 2, 2), (0, 4, 2, 2), (-3, 0, 3, 2), (0, -3, 2, 3), (2, 2, 0, 2), (2, 2, 2, -2)]
)
def test_box_without_pixels(box):
    with pytest.raises(InputError, match="has no pixel in the frame, which is 6×4 pixels; give"):
        box_trimap((4, 6), box)
