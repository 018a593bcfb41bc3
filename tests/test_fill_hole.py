import numpy as np

from ytvos_keras.inference.adaptation.fill import fill_hole


def hole_at(top, left, height, width, size=(30, 45)):
    hole = np.zeros(size, bool)
    hole[top : top + height, left : left + width] = True
    return hole


def test_pixels_outside_the_hole_are_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (30, 45, 3), np.uint8)
    hole = hole_at(5, 7, 12, 20)
    filled = fill_hole(image, hole)
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    assert filled.dtype == np.uint8


def test_uniform_image_stays_uniform():
    image = np.full((30, 45, 3), (10, 200, 30), np.uint8)
    hole = hole_at(0, 0, 20, 45)
    image[hole] = 255
    np.testing.assert_array_equal(fill_hole(image, hole), np.full_like(image, (10, 200, 30)))


def test_gradient_continues_through_the_hole():
    slope = np.repeat(np.tile(np.arange(45) * 5, (30, 1))[..., None], 3, axis=2).astype(np.uint8)
    hole = hole_at(10, 15, 8, 8)
    image = slope.copy()
    image[hole] = 0
    difference = fill_hole(image, hole)[hole].astype(int) - slope[hole]
    assert np.abs(difference).max() < 25


def test_image_without_known_pixels_is_black():
    image = np.full((3, 5, 3), 99, np.uint8)
    assert not fill_hole(image, np.ones((3, 5), bool)).any()
