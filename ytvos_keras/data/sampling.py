"""Choose the video, object and frames of each clip, from the index alone.

The choice depends only on the seed and the clip number, so that a stream can start at any clip, on
any number of workers.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ytvos_keras.data.seeds import generator, shuffled
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.records.indexed_video import IndexedVideo

MIN_OBJECT = 0.002  # smallest object in the first frame of a clip, as a fraction of the frame
MAX_STEP = 5  # largest mean distance of a clip's frames, in annotated frames
FRAMES = ("annotated", "any")

_logger = logging.getLogger(__name__)

_SAME_VIDEO = 5  # attempts before another video is tried
_UNEVEN = 0.3  # concentration of the Dirichlet distribution: below 1, few gaps are long


@dataclass(frozen=True)
class Drawn:
    """The frames of one clip.

    Args:
        video: the video that contains them.
        number: id of the object.
        frames: indexes, ascending, or descending in a clip that is played backward; where the video
            ends before the clip, the last one is repeated.
        weights: one float per frame: 1 if it is annotated, 0 if not or if it is a repeat. All
            frames of a still image have weight 1.
    """

    video: IndexedVideo
    number: int
    frames: tuple[int, ...]
    weights: tuple[float, ...]


class ClipSampler:
    """Draw objects and frames.

    * Videos: a random permutation per pass, so that each is used once before any repeats.
    * Objects: those of a video take turns, regardless of size.
    * First frame: a random annotated one in which the object is large enough and which enough
      frames follow; if there is none, the earliest.
    * Further frames: T - 1 random ones, in order, from those up to the s-th next annotated frame; s
      is random, at most `max_step` times T - 1. At least one of them is annotated.
    * Uneven gaps, in a fraction of the clips of annotated frames: s is as large as possible, and a
      few gaps make up most of it. As in a long video, the first frame is far from most frames, and
      the previous one is usually near.
    * Backward: a fraction of the clips, if the object is large enough in the last frame.

    Args:
        videos: videos of records. Those without a large enough object are left out, and so are
            those without a later annotation; a warning in the log says how many.
        frames: `"annotated"` draws annotated frames only, `"any"` all of them.
        min_object: smallest object in the first frame, as a fraction of the frame.
        max_step: see above.
        backward: fraction of clips that are played backward where possible.
        uneven: fraction of clips with uneven gaps.
        seed: seed of the choice.

    Raises:
        InputError: no video is left.
        ValueError: `frames` is neither of these.
    """

    def __init__(
        self,
        videos: Sequence[IndexedVideo],
        *,
        frames: str = "annotated",
        min_object: float = MIN_OBJECT,
        max_step: int = MAX_STEP,
        backward: float = 0.0,
        uneven: float = 0.0,
        seed: int = 0,
    ):
        if frames not in FRAMES:
            raise ValueError(f'frames must be "annotated" or "any". Received: frames={frames!r}')
        self.any_frame, self.max_step, self.seed = frames == "any", max_step, seed
        self.backward, self.uneven, self.min_object = backward, uneven, min_object
        begins = [(video, first_frames(video, min_object)) for video in videos]
        self._begins = [(video, objects) for video, objects in begins if objects]
        self._of_kind = {
            kind: [i for i, (video, _) in enumerate(self._begins) if is_picture(video) == kind]
            for kind in (False, True)
        }
        if not self._begins:
            raise InputError(
                f"none of {len(videos)} videos has an object of {min_object:.2%} of the frame and "
                "an annotated frame after it; give other videos or a lower min_object."
            )
        left_out = [video.name for video, objects in begins if not objects]
        if left_out:
            _warn_once(
                f"no clip starts from {len(left_out):,} of {len(videos):,} videos and images: none "
                f"of their objects covers {min_object:.2%} of an annotated frame (in a video, one "
                f"that is followed by another): {left_out[0]}{and_more(left_out[1:])}"
            )

    def __len__(self) -> int:
        return len(self._begins)

    @property
    def videos(self) -> list[IndexedVideo]:
        """The videos that clips are drawn from."""
        return [video for video, _ in self._begins]

    def video(self, n: int) -> IndexedVideo:
        """The video of clip number n."""
        return self._begins[shuffled(n, self.seed, len(self))[0]][0]

    def draw(self, n: int, length: int, attempt: int = 0) -> Drawn:
        """The frames of clip number n.

        `attempt` counts retries after unreadable frames: the first draw other frames of the same
        video; from 5 on, another video (or another image, for an image).
        """
        # A new generator for each clip, so that clip n does not depend on those before it.
        rng = generator(self.seed, "frames", n, attempt)
        index, epoch = shuffled(n, self.seed, len(self))
        if attempt >= _SAME_VIDEO:
            kind = is_picture(self._begins[index][0])
            # Of the same kind: the graph has already branched into scene or video.
            index = int(rng.choice(self._of_kind[kind]))
        video, objects = self._begins[index]
        # A random offset for each video, or the first pass would only see first objects.
        turn = epoch + attempt + int(generator(self.seed, "turns", index).integers(len(objects)))
        number = sorted(objects)[turn % len(objects)]
        if is_picture(video):
            return Drawn(video, number, (0,) * length, (1.0,) * length)
        first = self._first(rng, video, objects[number], length)
        frames = (first, *self._later(rng, video, first, length - 1))
        # When played backward, the last frame is the one whose mask is given.
        large = large_frames(video, number, self.min_object)
        if rng.random() < self.backward and frames[-1] in large:
            frames = frames[::-1]
        annotated = set(video.annotated)
        weights = [float(frame in annotated) for frame in frames]
        missing = length - len(frames)
        return Drawn(
            video,
            number,
            frames + (frames[-1],) * missing,
            tuple(weights + [0.0] * missing),
        )

    def _first(self, rng, video, candidates: tuple[int, ...], length: int) -> int:
        pool = range(len(video.frame_names)) if self.any_frame else video.annotated
        # The last frame that leaves room for the clip.
        latest = pool[-length] if len(pool) >= length else -1
        roomy = [frame for frame in candidates if frame <= latest]
        # Without room, the earliest start leaves the fewest repeats.
        return int(rng.choice(roomy)) if roomy else candidates[0]

    def _later(self, rng, video, first: int, count: int) -> list[int]:
        """Up to `count` frames after the first one, ascending."""
        annotated = [frame for frame in video.annotated if frame > first]
        least = 1 if self.any_frame else min(count, len(annotated))
        most = min(self.max_step * count, len(annotated))
        # Drawn only if it can be true, so that it does not change the clips of other settings.
        if self.uneven and not self.any_frame and rng.random() < self.uneven:
            count = min(count, most)
            gaps = 1 + rng.multinomial(most - count, rng.dirichlet([_UNEVEN] * count))
            return [annotated[i] for i in np.cumsum(gaps) - 1]
        reach = int(rng.integers(least, most + 1))
        if not self.any_frame:
            return sorted(rng.choice(annotated[:reach], min(count, reach), replace=False).tolist())
        # Drawn first: a clip without a later annotation would have no loss.
        anchor = int(rng.choice(annotated[:reach]))
        last = len(video.frame_names) - 1
        # Far enough for `count` different frames, where the video has them.
        end = min(max(annotated[reach - 1], first + count), last)
        others = [frame for frame in range(first + 1, end + 1) if frame != anchor]
        chosen = rng.choice(others, min(count - 1, len(others)), replace=False)
        return sorted([anchor, *chosen.astype(int).tolist()])


@functools.cache
def _warn_once(message: str) -> None:
    """Log a warning once, although a run creates several samplers of the same videos."""
    _logger.warning(message)


def warn_if_all_annotated(videos: Sequence[IndexedVideo]) -> None:
    """Warn if there is no frame without annotation for `frames="any"` to draw."""
    moving = [video for video in videos if not is_picture(video)]
    if moving and all(map(_all_annotated, moving)):
        _warn_once(
            'frames="any", but every frame is annotated; write the records with --all-frames '
            "(YouTube-VOS)"
        )


def _all_annotated(video: IndexedVideo) -> bool:
    return len(video.annotated) == len(video.frame_names)


def is_picture(video: IndexedVideo) -> bool:
    """Whether the video is a single image."""
    return len(video.frame_names) == 1


def first_frames(video: IndexedVideo, min_object: float) -> dict[int, tuple[int, ...]]:
    """Find the frames in which a clip of each object may start.

    Returns:
        Object id → one or more indexes of annotated frames, ascending. In a video, each is followed
        by another annotated frame.
    """
    begins = {number: large_frames(video, number, min_object) for number in video.objects}
    if not is_picture(video):
        # No clip starts in the last annotated frame: nothing after it could be learned.
        last = video.annotated[-1:]
        begins = {
            number: tuple(f for f in frames if f not in last) for number, frames in begins.items()
        }
    return {number: frames for number, frames in begins.items() if frames}


def large_frames(video: IndexedVideo, number: int, min_object: float) -> tuple[int, ...]:
    """Indexes of the annotated frames in which an object is large enough, ascending."""
    least = max(1.0, min_object * video.height * video.width)  # pixels, at least one
    areas = zip(video.annotated, video.objects[number].areas, strict=True)
    return tuple(frame for frame, area in areas if area >= least)
