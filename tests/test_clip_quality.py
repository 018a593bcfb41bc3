import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from ytvos_keras.datasets.raw_videos.quality import (  # noqa: E402
    ClipQuality,
    QualityLimits,
    QualityMeter,
    blur,
)


def natural_picture(height=160, width=240, seed=0):
    """An image with the 1/f² power spectrum of natural photographs: uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    amplitude = 1 / np.maximum(np.hypot(x, y), 1 / width)
    spectrum = np.fft.fft2(random.normal(size=(height, width))) * amplitude
    picture = np.fft.ifft2(spectrum).real
    picture = 120 + 40 * picture / picture.std()
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def measured(frames):
    meter = QualityMeter()
    for frame in frames:
        meter.add(frame)
    return meter.result()


def moved(picture, positions, size=(120, 180)):
    """Crops of a larger image at the given (x, y)."""
    height, width = size
    return [picture[y : y + height, x : x + width].copy() for x, y in positions]


def pan(count=16):
    return [(i * 3, 10) for i in range(count)]


def trembling(count=16, seed=1):
    return np.random.default_rng(seed).integers(0, 12, (count, 2)).tolist()


@pytest.mark.parametrize("width", [1.5, 2, 3, 4])
def test_blur_is_estimated_in_pixels(width):
    grey = natural_picture()[..., 0]
    assert blur(grey) < 0.8
    assert blur(cv2.GaussianBlur(grey, (0, 0), width)) == pytest.approx(width, rel=0.2)


def test_motion_blur_in_one_direction_counts():
    grey = natural_picture()[..., 0]
    assert blur(cv2.blur(grey, (15, 1))) > 2 * blur(grey)
    assert blur(cv2.blur(grey, (1, 15))) > 2 * blur(grey)


def test_blur_ignores_contrast_and_uniform_areas():
    grey = natural_picture()[..., 0]
    bird = np.full_like(grey, 120)
    bird[60:90, 100:150] = grey[60:90, 100:150]
    assert blur((grey // 4).astype(np.uint8)) < 0.8
    assert blur(bird) < 0.8


def test_uniform_image_has_maximum_blur():
    assert blur(np.zeros((90, 160), np.uint8)) == 10


def test_large_frames_are_downscaled():
    large = cv2.resize(natural_picture(256, 400), (1600, 1024), interpolation=cv2.INTER_CUBIC)
    assert measured([large]).blur < 0.9


def test_brightness_is_the_mean_of_annotated_frames():
    frames = [np.full((32, 48, 3), 100 if i % 5 == 0 else 0, np.uint8) for i in range(11)]
    assert measured(frames).brightness == 100


def test_trembling_camera_is_shaky_but_a_pan_is_not():
    picture = natural_picture()
    assert measured(moved(picture, pan())).shake < 0.1
    assert measured(moved(picture, trembling())).shake > 2
    assert measured(moved(picture, [(0, 0)] * 6)).shake < 0.01
    assert measured(moved(picture, pan(2))).shake == 0


def test_repeated_frames_are_not_motion():
    frames = moved(natural_picture(), pan())
    doubled = [frame for frame in frames for _ in range(2)]  # 15 frames per second, doubled to 30
    assert measured(doubled).shake == measured(frames).shake


def test_reasons_state_the_value_and_the_limit():
    limits = QualityLimits(min_brightness=40, max_blur=1.7, max_shake=1)
    assert limits.reasons(ClipQuality(brightness=40, blur=1.7, shake=1)) == ()
    assert limits.reasons(ClipQuality(brightness=12.3, blur=2.34, shake=7.5)) == (
        "too dark: brightness 12.3 < 40",
        "blurry: blur 2.34 px > 1.7 px",
        "shaky: shake 7.50 % > 1 %",
    )
