import numpy as np
import pytest

from ytvos_keras.inference.adaptation.affine import affine_clip, random_affine
from ytvos_keras.inference.adaptation.config import AffineRanges

SIZE = (48, 80)
STILL = AffineRanges(rotation=0, scale=1, stretch=0, shear=0, translation=0, flip=0)
WILD = AffineRanges(rotation=1.5, scale=2, stretch=0.5, shear=0.5, translation=0.8)


def object_at(top, left, height, width):
    mask = np.zeros(SIZE, np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def ring():
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(y - 20, x - 30)
    return ((distance < 16) & (distance > 6)).astype(np.uint8)


MASKS = {
    "in the middle": object_at(10, 20, 20, 30),
    "in a corner": object_at(0, 0, 12, 16),
    "in the other corner": object_at(40, 70, 8, 10),
    "one pixel": object_at(47, 79, 1, 1),
    "the whole frame": object_at(0, 0, *SIZE),
    "a long bar": object_at(24, 0, 3, 80),
    "a ring": ring(),
}


def painted(mask):
    """A frame that shows only the mask."""
    return np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("ranges", [AffineRanges(), WILD], ids=["usual", "wild"])
def test_whole_object_stays_in_view(name, ranges):
    y, x = np.nonzero(MASKS[name])
    for seed in range(50):
        rng = np.random.default_rng(seed)
        matrix = random_affine(rng, MASKS[name], ranges, mirrored=seed % 2 == 1)
        linear, offset = matrix[:, :2], matrix[:, 2:]
        for corner in np.ndindex(2, 2):  # of every object pixel
            old = np.stack([x + corner[0], y + corner[1]])
            new = np.linalg.solve(linear, old - offset)
            assert new.min() > -1e-6
            assert (new.max(axis=1) < np.array(SIZE[::-1]) + 1e-6).all()


@pytest.mark.parametrize("name", ["in the middle", "in a corner", "a ring"])
@pytest.mark.parametrize("seed", range(10))
def test_frame_and_mask_move_together(name, seed):
    mask = MASKS[name]
    clip = affine_clip(np.random.default_rng(seed), painted(mask), mask, 3, AffineRanges())
    assert clip["frames"].shape == (3, *SIZE, 3)
    assert clip["mask"].shape == (3, *SIZE, 1)
    for frame, moved in zip(clip["frames"], clip["mask"][..., 0], strict=True):
        seen = frame[..., 0] > 127
        assert moved.sum() > 0.5 * mask.sum()
        assert (seen & (moved > 0)).sum() / (seen | (moved > 0)).sum() > 0.93  # blurred edge


def test_frames_differ_and_depend_on_the_seed():
    mask = MASKS["in the middle"]

    def clip(seed):
        return affine_clip(np.random.default_rng(seed), painted(mask), mask, 2, AffineRanges())

    first, again, other = clip(1), clip(1), clip(2)
    np.testing.assert_array_equal(first["frames"], again["frames"])
    np.testing.assert_array_equal(first["mask"], again["mask"])
    assert (first["mask"] != other["mask"]).any()
    assert (first["mask"][0] != first["mask"][1]).any()


def test_without_ranges_nothing_moves():
    mask = MASKS["in the middle"]
    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    clip = affine_clip(np.random.default_rng(0), frame, mask, 2, STILL)
    for t in range(2):
        np.testing.assert_array_equal(clip["frames"][t], frame)
        np.testing.assert_array_equal(clip["mask"][t, ..., 0], mask)


def test_flip_applies_to_the_whole_clip():
    ramp = np.tile(np.linspace(0, 255, SIZE[1]).astype(np.uint8)[:, None], (SIZE[0], 1, 3))
    mask = MASKS["in the middle"]
    mirrored = set()
    for seed in range(20):
        frames = affine_clip(np.random.default_rng(seed), ramp, mask, 3, AffineRanges())["frames"]
        falls = {bool(frame[24, 20, 0] > frame[24, 60, 0]) for frame in frames}
        assert len(falls) == 1
        mirrored |= falls
    assert mirrored == {False, True}


def test_outside_is_filled_with_the_mean_colour():
    frame = np.full((*SIZE, 3), 200, np.uint8)
    frame[:, :40] = 100
    shifted = AffineRanges(rotation=0.5, scale=1, stretch=0, shear=0, translation=0.2, flip=0)
    clip = affine_clip(np.random.default_rng(0), frame, MASKS["in the middle"], 1, shifted)
    assert 150 in clip["frames"][0, [0, 0, -1, -1], [0, -1, 0, -1], 0]
