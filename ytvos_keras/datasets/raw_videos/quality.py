"""Quality of a clip: brightness, blur and shake, with their limits."""

from dataclasses import dataclass

import numpy as np

from ytvos_keras.datasets.raw_videos.settings import ANNOTATE_EVERY

MEASURED_SIDE = 256
"""Frames are measured with this many pixels on the shorter side (smaller ones as they are): the
height at which the paper's network sees them. Defects that are invisible there do not matter."""

_TEST_BLUR = 2.0  # pixels; width of the blur that `blur` applies
_MOST_BLUR = 10.0  # pixels; a frame without any detail


@dataclass(frozen=True)
class ClipQuality:
    """Measures of a clip.

    Args:
        brightness: mean grey value of the annotated frames, 0–255.
        blur: median over the annotated frames of `blur`, in pixels.
        shake: median over the frames of the change in the image's motion from frame to frame, in
            percent of its height. A steady pan is not shake. 0 for fewer than three frames.
    """

    brightness: float
    blur: float
    shake: float


@dataclass(frozen=True)
class QualityLimits:
    """Limits beyond which a clip is proposed for rejection.

    The defaults were chosen on 2,239 photographs and 37 short videos of common data sets for
    segmentation: 1 % of the photographs are darker, fewer than 0.5 % more blurred. The videos have
    a shake of 0.6 % at most where the camera is held or turned, 1.7 % and more where it shakes.

    Args:
        min_brightness: mean grey value, 0–255.
        max_blur: standard deviation in pixels of an image 256 pixels high.
        max_shake: percent of the height.
    """

    min_brightness: float = 40.0
    max_blur: float = 1.7
    max_shake: float = 1.0

    def reasons(self, quality: ClipQuality) -> tuple[str, ...]:
        """Why to reject a clip, with the measured value and the limit; empty to keep it."""
        found = []
        if quality.brightness < self.min_brightness:
            found.append(f"too dark: brightness {quality.brightness:.1f} < {self.min_brightness:g}")
        if quality.blur > self.max_blur:
            found.append(f"blurry: blur {quality.blur:.2f} px > {self.max_blur:g} px")
        if quality.shake > self.max_shake:
            found.append(f"shaky: shake {quality.shake:.2f} % > {self.max_shake:g} %")
        return tuple(found)


class QualityMeter:
    """Measure a clip frame by frame, keeping one small frame.

    Example:
        >>> meter = QualityMeter()
        >>> for frame in clip:
        ...     meter.add(frame)
        >>> meter.result()
        ClipQuality(brightness=112.4, blur=0.8, shake=0.1)
    """

    def __init__(self):
        self._count = 0
        self._last: np.ndarray | None = None  # the last array given
        self._grey: np.ndarray | None = None
        self._brightness: list[float] = []
        self._blur: list[float] = []
        self._shifts: list[np.ndarray] = []

    def add(self, frame: np.ndarray) -> None:
        """Measure the next frame, uint8 (H, W, 3), RGB, 0–255.

        A repeated array is a frame duplicated for the frame rate: it does not count as camera
        motion.
        """
        annotated = self._count % ANNOTATE_EVERY == 0
        self._count += 1
        # By identity: comparing pixels would mistake a still scene for a repeated frame.
        repeated = frame is self._last and self._grey is not None
        grey = self._grey if repeated else measured_grey(frame)
        assert grey is not None
        if annotated:
            self._brightness.append(float(grey.mean()))
            self._blur.append(blur(grey))
        if self._grey is not None and not repeated:
            self._shifts.append(_shift(self._grey, grey))
        self._last, self._grey = frame, grey

    def result(self) -> ClipQuality:
        """The measures of the frames so far, at least one."""
        shake = 0.0
        if len(self._shifts) > 1 and self._grey is not None:
            changes = np.linalg.norm(np.diff(self._shifts, axis=0), axis=1)
            shake = np.median(changes) / len(self._grey) * 100
        return ClipQuality(
            brightness=round(float(np.mean(self._brightness)), 3),
            blur=round(float(np.median(self._blur)), 3),
            shake=round(float(shake), 3),
        )


def measured_grey(frame: np.ndarray) -> np.ndarray:
    """Convert a frame for measuring: uint8 (h, w), grey, see `MEASURED_SIDE`."""
    import cv2

    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    scale = MEASURED_SIDE / min(grey.shape)
    if scale >= 1:
        return grey
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def blur(grey: np.ndarray) -> float:
    """Estimate the blur of an image: the width σ of an equivalent Gaussian, in pixels.

    The image is grey, uint8 (h, w). When blurred again with a Gaussian of width σ₀ = 2, a sharp
    one loses most of its gradient energy, a blurred one little. The power of natural images falls
    as 1/f² (Field 1987), for which the energy falls by r = 1 + σ₀²/σ²; so σ = σ₀ / √(r − 1). Unlike
    the variance of the Laplacian, it depends neither on contrast nor on the share of plain areas: a
    bird against an empty sky is not blurry. Vertical and horizontal gradients are measured
    separately and the larger σ counts, since motion blurs in one direction. It is about 0.8 for
    sharp images 256 pixels high, 10 for a plain one.

    References:
        - Field, Relations between the statistics of natural images and the response properties of
          cortical cells, 1987.
        - Crété-Roffet et al., The blur effect: perception and estimation with a new no-reference
          perceptual blur metric, 2007 (the idea of blurring again).
    """
    import cv2

    sharp = grey.astype(np.float32)
    soft = cv2.GaussianBlur(sharp, (0, 0), _TEST_BLUR)
    widths = []
    for axis in (0, 1):
        before, after = (float(np.square(np.diff(x, axis=axis)).mean()) for x in (sharp, soft))
        excess = before / after - 1 if after else 0.0
        # The bound keeps a plain image, whose excess is 0 or noise, at `_MOST_BLUR`.
        widths.append(_TEST_BLUR / max(excess, (_TEST_BLUR / _MOST_BLUR) ** 2) ** 0.5)
    return max(widths)


def _shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Motion of the whole image between two frames by phase correlation: (x, y) in pixels."""
    import cv2

    # The Fourier transform treats images as periodic: without a window, borders would correlate.
    window = cv2.createHanningWindow(before.shape[::-1], cv2.CV_32F)
    shift, _ = cv2.phaseCorrelate(before.astype(np.float32), after.astype(np.float32), window)
    return np.array(shift)
