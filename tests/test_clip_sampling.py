"""Which frames a clip shows: properties over many draws. No image is opened."""

import logging
from pathlib import Path

import numpy as np
import pytest

from ytvos_keras.data import sampling
from ytvos_keras.data.sampling import ClipSampler
from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError
from ytvos_keras.records.indexed_video import Blob, IndexedVideo


def video(name, frames=20, annotated=range(0, 20, 5), objects=None):
    """A 10×10 video; objects maps each id to its areas in the annotated frames."""
    annotated = tuple(annotated)
    blob = Blob(0, 1, 0)
    return IndexedVideo(
        name=name,
        source="test",
        height=10,
        width=10,
        binary=False,
        frame_names=tuple(f"{t:05d}" for t in range(frames)),
        annotated=annotated,
        objects={
            number: ObjectInfo(None, annotated[0], annotated[-1], tuple(areas))
            for number, areas in (objects or {1: [20] * len(annotated)}).items()
        },
        images=(blob,) * frames,
        masks=tuple(blob if t in annotated else None for t in range(frames)),
        shard=Path("none"),
    )


VIDEOS = [
    video("a"),
    video("b", objects={3: [0, 30, 30, 0], 7: [5, 0, 0, 9]}),
    video("short", frames=2, annotated=(0, 1)),
    video("dense", frames=9, annotated=range(9)),
]


@pytest.mark.parametrize("frames", ["annotated", "any"])
@pytest.mark.parametrize("length", [2, 5, 11])
@pytest.mark.parametrize("backward", [0.0, 0.5])
@pytest.mark.parametrize("uneven", [0.0, 0.5])
def test_sampling_rules(frames, length, backward, uneven):
    sampler = ClipSampler(VIDEOS, frames=frames, backward=backward, uneven=uneven, seed=4)
    seen_unannotated = seen_backward = False
    for n in range(400):
        clip = sampler.draw(n, length)
        assert len(clip.frames) == len(clip.weights) == length
        is_backward = clip.frames[0] > clip.frames[-1]
        seen_backward |= is_backward
        assert list(clip.frames) == sorted(clip.frames, reverse=is_backward)
        first = clip.frames[0]
        areas = dict(zip(clip.video.annotated, clip.video.objects[clip.number].areas, strict=True))
        assert areas[first] > 0  # the object is visible in the first frame
        for t, (frame, weight) in enumerate(zip(clip.frames, clip.weights, strict=True)):
            repeated = t > 0 and frame == clip.frames[t - 1]
            assert weight == float(frame in areas and not repeated)
            seen_unannotated |= frame not in areas
        assert sum(clip.weights[1:]) >= 1  # at least one frame contributes to the loss
    assert seen_unannotated == (frames == "any" and length > 2)  # one more frame is annotated
    assert seen_backward == (backward > 0)


def test_every_video_is_drawn_once_per_epoch():
    sampler = ClipSampler(VIDEOS, seed=1)
    for epoch in range(5):
        numbers = range(4 * epoch, 4 * epoch + 4)
        assert {sampler.draw(n, 3).video.name for n in numbers} == {"a", "b", "short", "dense"}


def test_objects_of_a_video_are_drawn_in_turn():
    sampler = ClipSampler([VIDEOS[1]], seed=0)
    assert [sampler.draw(n, 2).number for n in range(6)] in ([3, 7] * 3, [7, 3] * 3)


def test_clip_depends_only_on_seed_and_number():
    one, other = (ClipSampler(VIDEOS, seed=9) for _ in range(2))
    backwards = [other.draw(n, 5) for n in reversed(range(50))][::-1]
    assert [one.draw(n, 5) for n in range(50)] == backwards
    assert [ClipSampler(VIDEOS, seed=8).draw(n, 5) for n in range(50)] != backwards


def test_pace_is_bounded():
    long = video("long", frames=100, annotated=range(100))
    for most in (1, 3):
        sampler = ClipSampler([long], max_step=most)
        spans = [np.ptp(sampler.draw(n, 6).frames) for n in range(200)]
        assert max(spans) <= 5 * most
        assert min(spans) >= 5


def test_uneven_gaps_reach_as_far_as_allowed():
    long = video("long", frames=100, annotated=range(100))
    even, uneven = (ClipSampler([long], max_step=4, uneven=share) for share in (0.0, 1.0))
    for n in range(200):
        frames = uneven.draw(n, 6).frames
        assert np.diff(frames).min() >= 1
        assert np.ptp(frames) == min(5 * 4, 99 - frames[0])
    # The largest gap, as a share of the clip.
    largest = [
        np.mean([np.diff(clip.frames).max() / np.ptp(clip.frames) for clip in clips])
        for clips in ([each.draw(n, 6) for n in range(300)] for each in (even, uneven))
    ]
    assert largest[0] < 0.4 < 0.5 < largest[1]


def test_share_of_clips_with_uneven_gaps():
    long = video("long", frames=1000, annotated=range(1000))
    sampler = ClipSampler([long], max_step=12, uneven=0.5)
    at_the_limit = [np.ptp(sampler.draw(n, 6).frames) == 60 for n in range(400)]
    assert 0.4 < np.mean(at_the_limit) < 0.6


def test_uneven_gaps_in_short_videos():
    sampler = ClipSampler([video("short", frames=4, annotated=range(4))], uneven=1.0)
    found = {(clip.frames, clip.weights) for clip in (sampler.draw(n, 6) for n in range(50))}
    assert found == {((0, 1, 2, 3, 3, 3), (1.0, 1.0, 1.0, 1.0, 0.0, 0.0))}


def test_uneven_gaps_change_only_clips_of_annotated_frames():
    def draw(frames, uneven):
        sampler = ClipSampler(VIDEOS, frames=frames, backward=0.5, uneven=uneven, seed=9)
        return [sampler.draw(n, 5) for n in range(100)]

    assert draw("any", 1.0) == draw("any", 0.0)
    assert draw("annotated", 1.0) != draw("annotated", 0.0)


def test_single_image_is_repeated():
    picture = video("picture", frames=1, annotated=(0,))
    clip = ClipSampler([picture]).draw(3, 4)
    assert (clip.frames, clip.weights) == ((0, 0, 0, 0), (1.0,) * 4)


def test_unusable_videos_are_left_out():
    empty = video("empty", objects={1: [0, 0, 0, 0]})
    late = video("late", objects={1: [0, 0, 0, 50]})  # no annotated frame follows
    assert len(ClipSampler([empty, late, VIDEOS[0]])) == 1
    with pytest.raises(InputError, match=r"none of 2 videos has an object of 0.20% of the frame"):
        ClipSampler([empty, late])


def test_invalid_choice_of_frames():
    with pytest.raises(ValueError, match='frames must be "annotated" or "any"'):
        ClipSampler(VIDEOS, frames="all")


def test_frames_that_all_have_a_mask_are_reported(caplog):
    dense, picture = VIDEOS[3], video("picture", frames=1, annotated=(0,))
    sampling._warn_once.cache_clear()
    for videos in ([VIDEOS[0], dense], [picture]):  # the first has frames without a mask
        sampling.warn_if_all_annotated(videos)
    assert caplog.messages == []
    sampling.warn_if_all_annotated([dense, picture])
    assert caplog.messages == [
        'frames="any", but every frame is annotated; write the records with --all-frames '
        "(YouTube-VOS)"
    ]


def test_videos_that_cannot_be_used_are_reported(caplog):
    sparse = [video("small", objects={1: [0, 0, 0, 0]}), video("once", frames=9, annotated=(0,))]
    with caplog.at_level(logging.WARNING, "ytvos_keras"):
        sampler = ClipSampler([*VIDEOS, *sparse], min_object=0.01)
    assert {each.name for each in sampler.videos} == {each.name for each in VIDEOS}
    (message,) = {record.getMessage() for record in caplog.records}
    assert message.startswith("no clip starts from 2 of 6 videos and images: none of their obj")
    assert message.endswith("small (and 1 more)")
