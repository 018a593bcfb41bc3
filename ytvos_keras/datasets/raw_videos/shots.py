"""The shots of a video: stretches between cuts."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from ytvos_keras.errors import InputError

Shot = tuple[Fraction, ...]
"""The times of a shot's frames, in seconds after the first frame of the video."""


def find_shots(frames: Iterable[tuple[Fraction, np.ndarray]]) -> list[Shot]:
    """Split a video at its cuts, with PySceneDetect's `AdaptiveDetector` at default thresholds.

    The adaptive detector compares the change between two frames with the changes around it, so that
    camera shake does not count as cuts, unlike with `ContentDetector`. There is no minimum distance
    between cuts. Fades and dissolves are not detected: look for them in the contact sheet.

    Args:
        frames: (time in seconds, frame) of the whole video in order; uint8 (H, W, 3), RGB. Small
            frames are enough: 256 pixels on the shorter side.

    Returns:
        The shots in order; every frame is in one of them.

    Raises:
        InputError: PySceneDetect is not installed.

    References:
        - https://www.scenedetect.com/docs/latest/api/detectors.html
    """
    frame_timecode, adaptive_detector = import_scenedetect()
    detector = adaptive_detector(min_scene_len=1)
    times: list[Fraction] = []
    cuts = [0]  # index of the first frame of each shot
    for index, (time, frame) in enumerate(frames):
        # Frames per second are only used to print times, which does not happen here.
        timecode = frame_timecode(index, fps=30.0)
        found = detector.process_frame(timecode, np.ascontiguousarray(frame[..., ::-1]))
        cuts += [cut.frame_num for cut in found]
        times.append(time)
    return [
        tuple(times[first:last]) for first, last in zip(cuts, [*cuts[1:], len(times)], strict=True)
    ]


def import_scenedetect() -> tuple[type, type]:
    """Return PySceneDetect's `FrameTimecode` and `AdaptiveDetector`."""
    try:
        from scenedetect import AdaptiveDetector, FrameTimecode
    except ImportError as error:
        raise InputError(
            "finding shots needs PySceneDetect; run: pip install 'ytvos-keras[clips]'"
        ) from error
    return FrameTimecode, AdaptiveDetector
