"""Edge-case masks for metrics: touching borders, one pixel thin, with holes, empty, full."""

import numpy as np


def blob(shape, random):
    """A rectangle of random position and size; may touch the borders."""
    mask = np.zeros(shape, bool)
    (top, bottom), (left, right) = (sorted(random.integers(0, n + 1, 2)) for n in shape)
    mask[top:bottom, left:right] = True
    return mask


def one_pixel(shape, random):
    mask = np.zeros(shape, bool)
    mask[tuple(random.integers(0, n) for n in shape)] = True
    return mask


def one_corner(shape, random):
    mask = np.zeros(shape, bool)
    mask[random.integers(-1, 1), random.integers(-1, 1)] = True
    return mask


def border(shape, random):
    """A random subset of the outermost rows and columns."""
    mask = np.zeros(shape, bool)
    for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        mask[side] |= random.random() < 0.5
    return mask


def holes(shape, random):
    return blob(shape, random) & (random.random(shape) < 0.9)


def checkerboard(shape, random):
    cell = random.integers(1, 4)
    rows, columns = np.indices(shape) // cell
    return (rows + columns) % 2 == random.integers(0, 2)


def lines(shape, random):
    rows, columns = np.indices(shape)
    slope, distance = random.integers(-2, 3), random.integers(3, 9)
    return (slope * rows + columns) % distance == 0


def noise(shape, random):
    return random.random(shape) < random.random()


def empty(shape, random):
    return np.zeros(shape, bool)


def full(shape, random):
    return np.ones(shape, bool)


KINDS = (blob, one_pixel, one_corner, border, holes, checkerboard, lines, noise, empty, full)
SHAPES = ((1, 1), (1, 17), (19, 1), (2, 9), (7, 2), (13, 11), (16, 24))


def pairs(random, count):
    """Yield mask pairs of equal shape: two different kinds, or a mask and a shifted copy."""
    for n in range(count):
        shape = SHAPES[random.integers(len(SHAPES))]
        truth = KINDS[n % len(KINDS)](shape, random)
        if random.random() < 0.4:
            yield np.roll(truth, random.integers(-3, 4, 2), (0, 1)), truth
        else:
            yield KINDS[random.integers(len(KINDS))](shape, random), truth
