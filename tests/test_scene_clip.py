import numpy as np
import pytest

from ytvos_keras.inference.adaptation.config import SceneRanges
from ytvos_keras.inference.adaptation.scenes import scene_clip

SIZE = (48, 64)
LENGTH = 3


def make_frame():
    """A red and a blue object on green."""
    frame = np.full((*SIZE, 3), (20, 160, 20), np.uint8)
    frame[8:24, 8:28], frame[26:42, 36:56] = (220, 20, 20), (20, 20, 220)
    masks = np.zeros((2, *SIZE), np.uint8)
    masks[0, 8:24, 8:28] = masks[1, 26:42, 36:56] = 1
    return frame, masks


def clip_of(target, seed, **ranges):
    ranges = SceneRanges(colours=0.0, **ranges)  # constant, so that all tests share one trace
    frame, masks = make_frame()
    clip = scene_clip(np.random.default_rng(seed), frame, masks, target, LENGTH, ranges)
    return {name: np.asarray(tensor) for name, tensor in clip.items()}


@pytest.mark.parametrize("whole", [0.0, 1.0])
@pytest.mark.parametrize("target", [0, 1])
def test_frame_and_mask_move_together(whole, target):
    for seed in range(6):
        clip = clip_of(target, seed, whole=whole, passes=0.0)
        assert clip["frames"].shape == (LENGTH, *SIZE, 3)
        assert clip["mask"].shape == (LENGTH, *SIZE, 1)
        colours = clip["frames"].astype(float)
        seen = colours.argmax(axis=-1) == (0, 2)[target]
        masks = clip["mask"][..., 0] > 0
        assert masks[0].sum() > 20  # the object is in view in the first frame
        assert seen[masks].mean() > 0.8
        assert masks[seen].mean() > 0.8


def test_result_depends_on_the_seed():
    first, again, other = clip_of(0, 1), clip_of(0, 1), clip_of(0, 2)
    np.testing.assert_array_equal(first["frames"], again["frames"])
    np.testing.assert_array_equal(first["mask"], again["mask"])
    assert (first["frames"] != other["frames"]).any()


def test_cut_out_objects_leave_no_trace():
    """Unless the whole frame moves together, objects appear only where the clip's masks are."""
    for seed in range(4):
        clip = clip_of(0, seed, whole=0.0, passes=0.0)
        red = clip["frames"].argmax(axis=-1) == 0
        assert red.sum() < 1.5 * clip["mask"].sum() + 20


def test_other_objects_are_in_the_scene():
    blue = [(clip_of(0, seed, whole=0.0)["frames"].argmax(axis=-1) == 2).sum() for seed in range(4)]
    assert min(blue) > 20
