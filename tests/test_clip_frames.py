"""Which part of a video a clip shows, and that frames and masks agree on it."""

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ytvos_keras.data.augmentation import VideoConfig
from ytvos_keras.data.clip_frames import FRAME_TYPES, clip_frames, frame_arrays
from ytvos_keras.data.framing import random_framing, whole_frame
from ytvos_keras.data.resample import resample, resample_labels
from ytvos_keras.data.video_clip import EncodedClip

SIZE = (32, 56)
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
NO_COLOURS = np.zeros((0, 3), np.float32)


def ramp(height, width):
    """An image whose red channel encodes x and green encodes y, from 10 to 240."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.rint(10 + 230 * np.stack([x, y, np.full_like(x, 0.5)], axis=-1)).astype(np.uint8)


def positions(matrix, size):
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return np.einsum("rc,chw->rhw", matrix, np.stack([x, y, np.ones_like(x)]))


def encode(image, form):
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **({"quality": 97} if form == "JPEG" else {}))
    return file.getvalue()


@functools.cache
def graph(size):
    """A traced function with unknown shapes, and the list whose last item is the clip it reads."""
    at_hand = []

    def arrays():
        return frame_arrays(at_hand[-1])

    def make():
        return clip_frames(tf.numpy_function(arrays, [], FRAME_TYPES), size)

    return tf.function(make, autograph=False), at_hand


def framed(images, framing, colours=NO_COLOURS, size=SIZE, objects=1):
    """Frames as produced by the graph."""
    masks = np.zeros((len(images), *size, objects), np.uint8)
    make, at_hand = graph(size)
    at_hand.append(
        EncodedClip(tuple(images), framing, colours, masks, np.ones(len(images), np.float32))
    )
    return make().numpy()


def expected_ramp(framing, shape, size=SIZE):
    x, y = positions(framing.matrix, size)
    colours = np.stack([x / shape[1], y / shape[0], np.full_like(x, 0.5)], axis=-1)
    inside = (x > 1) & (x < shape[1] - 1) & (y > 1) & (y < shape[0] - 1)
    return 10 + 230 * colours, inside


@pytest.mark.parametrize("turned", [0.0, 1.0])
@pytest.mark.parametrize(
    ("shape", "ratio"), [((40, 70), 1), ((70, 122), 2), ((141, 246), 4), ((282, 492), 8)]
)
def test_every_decoder_shows_the_same_part_as_the_masks(shape, ratio, turned):
    image = ramp(*shape)
    data = [encode(image, "JPEG"), encode(image, "PNG")]
    config = VideoConfig(zoom=1.05, turned=turned, stretch=0.03)
    mask = np.zeros(shape, bool)
    mask[shape[0] // 3 : shape[0] // 2, shape[1] // 3 : shape[1] // 2] = True
    flips = set()
    for seed in range(6):
        framing = random_framing(np.random.default_rng(seed), mask, SIZE, config)
        assert framing.ratio == ratio and framing.turned == bool(turned)
        expected, inside = expected_ramp(framing, shape)
        for frame in framed(data, framing):
            difference = frame[inside] - expected[inside]
            # JPEG errors are small everywhere and unbiased.
            assert np.abs(difference).max() < 9
            assert np.abs(difference.mean(axis=0)).max() < 1.6
        flips.add(framing.matrix[0, 0] < 0)
    assert flips == {True, False}


@pytest.mark.parametrize("turned", [0.0, 1.0])
def test_png_frames_are_reduced_like_jpeg_frames(turned):
    """Subsampling alone would keep the contrast of the noise."""
    shape = tuple(4 * side + 8 for side in SIZE)
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    mask = np.ones(shape, bool)
    config = VideoConfig(zoom=1, turned=turned, rotation=0.1, shear=0)
    framing = random_framing(np.random.default_rng(0), mask, SIZE, config)
    assert framing.ratio == 4 and framing.turned == bool(turned)
    jpeg, png = framed([encode(noise, "JPEG"), encode(noise, "PNG")], framing).astype(float)
    assert png.std() == pytest.approx(jpeg.std(), rel=0.1)
    assert np.abs(png - jpeg).mean() < 4


# 4,500 pixels are not a multiple of 8, but 9,000 values of two masks are.
@pytest.mark.parametrize(("size", "objects"), [(SIZE, 1), ((50, 90), 2)])
def test_colours_are_mixed_and_clipped(size, objects):
    image = np.zeros((*size, 3), np.uint8)
    image[...] = (200, 100, 50)
    colours = np.array([[0.5, 0, 0], [0, 1, 2], [0, 0, 1], [10, -120, 20]], np.float32)
    (frame,) = framed([encode(image, "PNG")], whole_frame(size, size), colours, size, objects)
    assert tuple(frame[5, 5]) == (110, 0, 255)  # 200·0.5+10, 100−120, 100·2+50+20


@pytest.mark.parametrize("turned", [0.0, 0.5])
def test_framings_stay_in_the_video_and_keep_the_object(turned):
    rng, seen = np.random.default_rng(1), []
    for _ in range(200):
        shape = tuple(rng.integers(20, 300, 2))
        mask = np.zeros(shape, bool)
        top, left = (rng.integers(0, side - 5) for side in shape)
        mask[top : top + rng.integers(3, 60), left : left + rng.integers(3, 60)] = True
        framing = random_framing(rng, mask, SIZE, VideoConfig(turned=turned))
        top, left, height, width = framing.window
        assert min(top, left) >= 0 and min(height, width) > 0
        assert top + height <= shape[0] and left + width <= shape[1]
        assert all(side % framing.ratio == 0 for side in framing.window)
        seen.append(resample_labels(mask, framing.matrix, SIZE).any())
    # Rotation may move a small object out of view; the whole frame is then shown instead.
    assert np.mean(seen) > (0.98 if turned else 1 - 1e-9)


def test_framings_contain_the_object():
    rng = np.random.default_rng(2)
    for width, height in ((320, 40), (40, 190), (16, 16)) * 60:
        mask = np.zeros((192, 336), bool)  # the shape of the clips
        top, left = (int(rng.integers(0, side)) for side in (193 - height, 337 - width))
        mask[top : top + height, left : left + width] = True
        framing = random_framing(rng, mask, SIZE, VideoConfig(turned=0.0))
        y, x, rows, columns = framing.window
        outside = (y - top, x - left, top + height - y - rows, left + width - x - columns)
        assert max(outside) < 2 * framing.ratio  # the window is rounded to multiples of it


def test_identity_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (21, 30, 3), np.uint8)
    np.testing.assert_array_equal(resample(image, IDENTITY, (21, 30)), image)
    np.testing.assert_array_equal(resample_labels(image[..., 0], IDENTITY, (21, 30)), image[..., 0])
    (frame,) = framed([encode(image, "PNG")], whole_frame((21, 30), (21, 30)), size=(21, 30))
    np.testing.assert_array_equal(frame, image)


def test_sampling_agrees_with_floating_point():
    image = np.random.default_rng(0).integers(0, 256, (21, 30, 3), np.uint8)
    matrix = np.array([[0.61, 0.13, 2.3], [-0.11, 0.57, 4.9]])
    x, y = positions(matrix, (24, 40)) - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - left)[..., None], (y - top)[..., None]
    corners = [image[top + i, left + j].astype(float) for i in (0, 1) for j in (0, 1)]
    expected = (1 - b) * ((1 - a) * corners[0] + a * corners[1]) + b * (
        (1 - a) * corners[2] + a * corners[3]
    )
    assert np.abs(resample(image, matrix, (24, 40)) - expected).max() < 17  # 1/32 pixel of 255
    nearest = image[..., 0][np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)]
    same = resample_labels(image[..., 0], matrix, (24, 40)) == nearest
    assert np.count_nonzero(~same) <= 1  # a tie


def test_outside_the_frame_images_are_mirrored_and_masks_are_empty():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    shifted = np.array([[1.0, 0, -3], [0, 1, 0]])
    sampled = resample(image, shifted, (9, 8))
    np.testing.assert_array_equal(sampled[:, :3], image[:, 2::-1])
    np.testing.assert_array_equal(sampled[:, 3:], image[:, :5])
    labels = resample_labels(np.ones((9, 8), np.uint8), shifted, (9, 8))
    assert not labels[:, :3].any() and labels[:, 3:].all()
