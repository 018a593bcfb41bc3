"""Find the shots of a video, the stretches between cuts, and choose the clips in them."""

import bisect
import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from ytvos_keras.datasets.raw_videos.settings import FRAME_RATE, ClipSettings
from ytvos_keras.errors import importing

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

    References:
        - https://www.scenedetect.com/docs/latest/api/detectors.html
    """
    frame_timecode, adaptive_detector = import_scenedetect()
    detector = adaptive_detector(min_scene_len=1)
    times: list[Fraction] = []
    cuts = [0]  # index of the first frame of each shot
    for index, (time, frame) in enumerate(frames):
        # The frame rate is used only to print times, which does not happen here.
        timecode = frame_timecode(index, fps=30.0)
        # PySceneDetect takes BGR, as OpenCV decodes it.
        found = detector.process_frame(timecode, np.ascontiguousarray(frame[..., ::-1]))
        cuts += [cut.frame_num for cut in found]
        times.append(time)
    return [
        tuple(times[first:last]) for first, last in zip(cuts, [*cuts[1:], len(times)], strict=True)
    ]


def import_scenedetect() -> tuple[type, type]:
    """Return PySceneDetect's `FrameTimecode` and `AdaptiveDetector`."""
    with importing(extra="clips", what="finding shots"):
        from scenedetect import AdaptiveDetector, FrameTimecode
    return FrameTimecode, AdaptiveDetector


def choose_clips(
    shots: Sequence[Shot], duration: Fraction, settings: ClipSettings, random: np.random.Generator
) -> list[tuple[Fraction, int]]:
    """Choose random clips that lie in single shots and are spread over the video.

    Rule:
        1. Only frames between `skip` and 1 − `skip` of the video's duration are used.
        2. A shot of L seconds makes ⌊L / max_seconds⌋ slots of equal length, at least one; slots
           shorter than `min_seconds` are dropped.
        3. If there are more slots S than clips wanted N, every (S/N)-th is taken, in order of time,
           starting from a random one. So all slots are equally likely, long shots give more clips
           than short ones, and clips are spread over the video.
        4. In a slot, the length is uniform between `min_seconds` and what fits, at most
           `max_seconds`; then the first frame is uniform among those that leave room for it.

    Args:
        shots: the times of the frames of each shot, in order.
        duration: of the video, in seconds.
        settings: parameters of the rule.
        random: source of randomness.

    Returns:
        (time of the first frame, number of frames at 30 per second) of each clip, in order. The
        time is that of a frame of the video; the last frame is due no later than the shot's last.
    """
    begin = Fraction(settings.skip) * duration
    kept = [[time for time in shot if begin <= time <= duration - begin] for shot in shots]
    slots = [slot for shot in kept for slot in _slots(shot, settings)]
    wanted = settings.clips_per_video
    if len(slots) > wanted:
        # Systematic sampling: one random offset for all.
        places = (np.arange(wanted) + random.random()) * len(slots) / wanted
        slots = [slots[int(place)] for place in places]
    return [_draw(slot, settings, random) for slot in slots]


def _slots(shot: Sequence[Fraction], settings: ClipSettings) -> list[Sequence[Fraction]]:
    if not shot:
        return []
    length = shot[-1] - shot[0]
    count = max(1, int(length / Fraction(settings.max_seconds)))
    starts = [shot[0] + length * i / count for i in range(count)]
    edges = [*(bisect.bisect_left(shot, start) for start in starts), len(shot)]
    slots = [shot[first:last] for first, last in itertools.pairwise(edges)]
    return [slot for slot in slots if _room(slot) >= settings.frame_counts[0]]


def _room(slot: Sequence[Fraction]) -> int:
    """The number of frames at 30 per second from a slot's first to its last frame."""
    return int((slot[-1] - slot[0]) * FRAME_RATE) + 1 if slot else 0


def _draw(
    slot: Sequence[Fraction], settings: ClipSettings, random: np.random.Generator
) -> tuple[Fraction, int]:
    fewest, most = settings.frame_counts
    count = int(random.integers(fewest, min(most, _room(slot)), endpoint=True))
    latest = slot[-1] - (count - 1) / FRAME_RATE
    return slot[int(random.integers(bisect.bisect_right(slot, latest)))], count
