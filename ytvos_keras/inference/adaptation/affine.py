"""The paper's online examples: the first frame and its mask under random affine maps."""

import numpy as np

from ytvos_keras.data.resample import resample, resample_labels
from ytvos_keras.inference.adaptation.config import AffineRanges


def affine_clip(
    rng: np.random.Generator, frame: np.ndarray, mask: np.ndarray, length: int, ranges: AffineRanges
) -> dict[str, np.ndarray]:
    """Make a clip of a frame and its mask, with one random affine map per frame of the clip.

    The paper's pair is a clip of two (section 4.3). Frame and mask move together, the whole object
    stays in view, and the area outside the frame gets the frame's mean colour.

    Args:
        rng: source of randomness.
        frame: uint8 (H, W, 3).
        mask: uint8 (H, W), 0 or 1, not empty.
        length: number of frames.
        ranges: ranges of the maps.

    Returns:
        `"frames"`: uint8 (length, H, W, 3); `"mask"`: uint8 (length, H, W, 1), 0 or 1.
    """
    size = mask.shape
    # Once for the clip: an object does not turn into its mirror image within a video.
    mirrored = rng.random() < ranges.flip
    beyond = np.rint(frame.mean(axis=(0, 1))).astype(np.uint8)
    frames, masks = [], []
    for _ in range(length):
        matrix = random_affine(rng, mask, ranges, mirrored)
        # `resample` reflects the image, and the object, at its edges: that part is replaced.
        within = resample_labels(np.ones(size, np.uint8), matrix, size)
        frames.append(np.where(within[..., None] > 0, resample(frame, matrix, size), beyond))
        masks.append(resample_labels(mask, matrix, size))
    return {"frames": np.stack(frames), "mask": np.stack(masks)[..., None]}


def random_affine(
    rng: np.random.Generator, mask: np.ndarray, ranges: AffineRanges, mirrored: bool
) -> np.ndarray:
    """Draw a random affine map that keeps the whole object of a mask in view.

    Enlargement and shift are limited so that the object stays within the frame.

    Args:
        rng: source of randomness.
        mask: (H, W), not 0 in the object, not empty.
        ranges: ranges of the map.
        mirrored: whether to mirror left to right.

    Returns:
        float64 (2, 3), from positions (x, y, 1) in the new frame to those in the old one; the
        corner of the first pixel is (0, 0), as in `data.framing`.
    """
    y, x = np.nonzero(mask)
    pixels = np.stack([x, y]) + 0.5  # their centres
    centre = (pixels.min(axis=1) + pixels.max(axis=1)) / 2
    frame = np.array(mask.shape[::-1], np.float64)
    linear = _random_linear(rng, ranges, mirrored)
    # A pixel is a square, whose corners move too.
    half_pixel = np.abs(linear).sum(axis=1) / 2
    moved = linear @ (pixels - centre[:, None])
    low, high = moved.min(axis=1) - half_pixel, moved.max(axis=1) + half_pixel
    fits = min(1.0, (frame / (high - low)).min())
    linear, low, high = linear * fits, low * fits, high * fits
    shift = rng.uniform(-ranges.translation, ranges.translation, 2) * frame
    target = np.clip(centre + shift, -low, frame - high)  # where the object's centre may be
    # Resampling needs the source position of each new pixel.
    inverse = np.linalg.inv(linear)
    return np.column_stack([inverse, centre - inverse @ target])


def _random_linear(rng, ranges: AffineRanges, mirrored: bool) -> np.ndarray:
    angle = rng.uniform(-ranges.rotation, ranges.rotation)
    cosine, sine = np.cos(angle), np.sin(angle)
    shear = rng.uniform(-ranges.shear, ranges.shear)
    stretch = rng.uniform(-ranges.stretch, ranges.stretch) / 2
    scale = ranges.scale ** rng.uniform(-1, 1) * np.exp([stretch, -stretch])
    if mirrored:
        scale[0] *= -1
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return turn @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
