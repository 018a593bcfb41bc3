import functools
import re
import threading

import numpy as np
import pytest
from fake_model import FakeModel
from models_helper import small_model

from ytvos_keras.errors import InputError
from ytvos_keras.inference import MaskFinder
from ytvos_keras.inference.mask_finder import _MARGIN, _crop, _share
from ytvos_keras.media import box_trimap

SIZE = (60, 90)
BOX = (20, 15, 24, 18)


def noise(size=SIZE):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


def finder_of_boxes():
    """A finder whose masks are the boxes; only their left edges are lost."""
    return MaskFinder(FakeModel(scale=1.5))


def crop_of(region):
    return _crop(region, _share(region, _MARGIN))


@functools.cache
def random_finder():
    """A finder with random weights, shared by tests because it takes long to trace."""
    return MaskFinder(small_model("lite"))


@pytest.mark.parametrize("size", [(60, 90), (90, 60), (31, 97), (480, 854)])
def test_crop_keeps_the_aspect_ratio_and_stays_in_the_frame(size):
    rng = np.random.default_rng(0)
    for _ in range(50):
        top, left = (rng.integers(n) for n in size)
        region = np.zeros(size, bool)
        region[top : top + rng.integers(1, size[0]), left : left + rng.integers(1, size[1])] = True
        rows, columns = crop_of(region)
        assert 0 <= rows.start < rows.stop <= size[0]
        assert 0 <= columns.start < columns.stop <= size[1]
        assert region[rows, columns].sum() == region.sum()
        height, width = rows.stop - rows.start, columns.stop - columns.start
        # Each side is rounded to a pixel.
        assert abs(height * size[1] / size[0] - width) <= 0.5 * size[1] / size[0] + 0.5 + 1e-9


def test_crop_has_a_margin():
    region = np.zeros((100, 200), bool)
    region[40:50, 100:110] = True
    assert crop_of(region) == (slice(36, 54), slice(87, 123))
    region[:] = False
    region[0, 0] = True  # in a corner
    assert crop_of(region) == (slice(0, 2), slice(0, 4))
    region[5:95, 0] = True  # the margin would leave the frame
    assert crop_of(region) == (slice(0, 100), slice(0, 200))


def test_mask_is_found_in_the_box():
    trimap = box_trimap(SIZE, BOX)
    mask = finder_of_boxes().find(np.full((*SIZE, 3), 150, np.uint8), trimap)
    assert (mask.dtype, mask.shape) == (bool, SIZE)
    assert not mask[trimap == 0].any()
    assert mask[15:33, 26:44].all()


def test_known_pixels_are_kept():
    """A model with random weights finds anything, but not against the trimap."""
    trimap = box_trimap(SIZE, BOX)
    trimap[20:24, 25:30] = 1
    trimap[0, 89] = 1
    trimap[28:32] = 0
    mask = random_finder().find(noise(), trimap)
    assert not mask[trimap == 0].any()
    assert mask[trimap == 1].all()
    mask = MaskFinder(FakeModel(scale=0.0)).find(noise(), trimap)  # finds nothing
    np.testing.assert_array_equal(mask, trimap == 1)


@pytest.mark.parametrize("make", [finder_of_boxes, random_finder])
def test_same_mask_in_the_crop_alone(make):
    finder, frame, trimap = make(), noise(), box_trimap(SIZE, (20, 15, 24, 20))
    crop = crop_of(trimap > 0)
    part = frame[crop]
    assert part.shape[:2] == (36, 54)  # exactly the frame's aspect ratio
    alone = finder.find(part, trimap[crop])
    mask = finder.find(frame, trimap)
    np.testing.assert_array_equal(mask[crop], alone)
    assert mask.sum() == alone.sum()


def stroke_alone(size=(120, 180)):
    trimap = np.full(size, 0.5, np.float32)
    trimap[50:54, 60:64] = 1
    return trimap


class FinderOfSquare(MaskFinder):
    """Finds a square, as far as it is in the crop."""

    def __init__(self, square):
        super().__init__(FakeModel())
        self.square, self.crops = square, []

    def _find_in(self, crop, frame, trimap):
        self.crops.append(crop)
        mask = np.zeros(trimap.shape, bool)
        mask[crop] = True
        return mask & self.square


@pytest.mark.parametrize(("half", "rounds"), [(3, 1), (17, 1), (19, 2), (35, 3), (50, 4)])
def test_crop_around_a_stroke_grows_until_the_mask_is_inside(half, rounds):
    trimap = stroke_alone()
    square = np.zeros(trimap.shape, bool)
    square[max(52 - half, 0) : 52 + half, max(62 - half, 0) : 62 + half] = True
    finder = FinderOfSquare(square)
    mask = finder.find(noise(trimap.shape), trimap)
    np.testing.assert_array_equal(mask, square)
    assert finder.crops[0] == (slice(34, 70), slice(35, 89))  # 0.3 of the sides
    heights = [rows.stop - rows.start for rows, _ in finder.crops]
    assert heights == [36, 54, 81, 120][:rounds]


def test_mask_that_ends_at_the_border_of_the_frame_is_not_cut_off():
    trimap = np.full((120, 180), 0.5, np.float32)
    trimap[:4, :4] = 1
    square = np.zeros(trimap.shape, bool)
    square[:20, :20] = True
    finder = FinderOfSquare(square)
    finder.find(noise(trimap.shape), trimap)
    assert finder.crops == [(slice(0, 36), slice(0, 54))]


@pytest.mark.parametrize("box", [BOX, (20, 15, 24, 40)])  # the second one's crop is the frame
def test_strokes_in_a_box_do_not_shrink_its_crop(box):
    trimap = box_trimap(SIZE, box)
    trimap[20:22, 25:27] = 1
    finder = FinderOfSquare(trimap > 0)
    finder.find(noise(), trimap)
    assert finder.crops == [crop_of(trimap > 0)]


def test_large_stroke_is_seen_in_the_whole_frame():
    trimap = stroke_alone()
    trimap[10:110, 80:90] = 1
    finder = FinderOfSquare(trimap == 1)
    finder.find(noise(trimap.shape), trimap)
    assert finder.crops == [(slice(0, 120), slice(0, 180))]


def test_stroke_alone_with_a_model():
    model = FakeModel(scale=1.5)  # takes all unknown pixels
    mask = MaskFinder(model).find(noise((120, 180)), stroke_alone())
    assert model.encoded.numpy() == 4
    assert mask[1:, 12:].all()
    model = FakeModel(scale=0.5)  # finds nothing: only what is known remains
    np.testing.assert_array_equal(
        MaskFinder(model).find(noise((120, 180)), stroke_alone()), stroke_alone() == 1
    )
    assert model.encoded.numpy() == 1


def test_one_trace_for_all_boxes_of_a_video():
    model = FakeModel()
    finder = MaskFinder(model)
    for box in (BOX, (0, 0, 5, 50), (-5, 10, 95, 9)):
        finder.find(noise(), box_trimap(SIZE, box))
    assert model.encoded.numpy() == 3
    assert model.traces == 3  # encode, initialize, step_features: one each
    finder.find(noise(SIZE[::-1]), box_trimap(SIZE[::-1], BOX))
    assert model.traces == 6


@pytest.mark.parametrize(
    ("trimap", "message"),
    [
        (np.full((*SIZE, 1), 0.5), "a trimap must have shape (H, W). Received: (60, 90, 1)."),
        (np.full((30, 40), 0.5), "the trimap is 40×30 pixels, but the video is 90×60"),
        (np.full(SIZE, 0.3), "a trimap must have no other values than 0, 0.5 and 1."),
        (np.full(SIZE, np.nan), "a trimap must have no other values than 0, 0.5 and 1."),
        (np.zeros(SIZE), "the trimap is 0 everywhere; set where the object may be to 0.5 or 1."),
    ],
)
def test_unusable_trimaps(trimap, message):
    with pytest.raises(InputError, match=re.escape(message)):
        MaskFinder(FakeModel()).find(noise(), trimap)


def test_unusable_frame():
    with pytest.raises(InputError, match="a frame must be RGB with shape"):
        MaskFinder(FakeModel()).find(np.zeros(SIZE, np.uint8), box_trimap(SIZE, BOX))


def test_arrays_of_the_caller_are_unchanged():
    frame, trimap = noise(), box_trimap(SIZE, BOX)
    finder_of_boxes().find(frame, trimap)
    np.testing.assert_array_equal(frame, noise())
    np.testing.assert_array_equal(trimap, box_trimap(SIZE, BOX))


def test_second_thread_is_refused():
    errors = []

    class Visited(FakeModel):
        """Another thread uses the finder while `encode` is traced."""

        def encode(self, frames):
            thread = threading.Thread(target=visit)
            thread.start()
            thread.join()
            return super().encode(frames)

    def visit():
        try:
            finder.find(noise(), box_trimap(SIZE, BOX))
        except InputError as error:
            errors.append(str(error))

    finder = MaskFinder(Visited())
    finder.find(noise(), box_trimap(SIZE, BOX))
    (message,) = errors
    assert message.startswith("another thread is using this MaskFinder; give each thread")
