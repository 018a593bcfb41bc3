"""Records to training clips, through the whole pipeline."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from records import make_video, write_records

from ytvos_keras.data.augmentation import Augmentation, TeacherForcing, VideoConfig
from ytvos_keras.data.clip_feed import count_videos
from ytvos_keras.data.draw_clips import draw_clips
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.make_dataset import _with_rough_mask, make_dataset
from ytvos_keras.data.training_example import training_example
from ytvos_keras.errors import InputError

SIZE = (32, 48)


def moving_square(name, number, height=40, width=60, every=1, length=8):
    """A red square moving right over blue, annotated in every n-th frame."""
    frames = np.zeros((length, height, width, 3), np.uint8)
    frames[...] = (0, 0, 255)
    masks = np.zeros((length, height, width), np.uint8)
    for t in range(length):
        masks[t, 10:26, 5 + 3 * t : 21 + 3 * t] = number
        frames[t][masks[t] > 0] = (255, 0, 0)
    shown = [mask if t % every == 0 else None for t, mask in enumerate(masks)]
    return make_video(name, frames, shown)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    write_records([moving_square("a", 1), moving_square("b", 5, every=2)], folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    write_records([moving_square(f"p{k}", 2, length=1) for k in range(3)], folder)
    return folder


def arrays(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def assert_same(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def red(frames):
    frames = frames.astype(int)
    return frames[..., 0] > frames[..., 2]


def all_masks(inputs, targets):
    return np.concatenate([inputs["mask"][:, None], targets], axis=1)[..., 0] > 0


def test_shapes_and_types(videos):
    ((inputs, targets, weights),) = arrays(
        make_dataset(videos, clip_length=4, size=SIZE, batch_size=2), 1
    )
    assert (inputs["frames"].shape, inputs["frames"].dtype) == ((2, 4, *SIZE, 3), np.uint8)
    assert (inputs["mask"].shape, inputs["mask"].dtype) == ((2, *SIZE, 1), np.uint8)
    assert (targets.shape, targets.dtype) == ((2, 3, *SIZE, 1), np.float32)
    assert (weights.shape, weights.dtype) == ((2, 3), np.float32)
    assert set(inputs) == {"frames", "mask"}


def test_frames_and_masks_move_together(videos):
    options = {"clip_length": 4, "size": SIZE, "batch_size": 2, "frames": "any", "seed": 3}
    augment = Augmentation(videos=VideoConfig(grey=0))  # nothing is red in a grey clip
    overlaps = []
    for inputs, targets, weights in arrays(make_dataset(videos, augment=augment, **options), 10):
        known = np.concatenate([np.ones((2, 1)), weights], axis=1) > 0
        assert inputs["mask"].any(axis=(1, 2, 3)).all()
        assert not targets[weights == 0].any()
        shown, masks = red(inputs["frames"])[known], all_masks(inputs, targets)[known]
        overlaps.append((shown & masks).sum() / (shown | masks).sum())
    assert min(overlaps) > 0.8, overlaps


def test_without_augmentation_native_size_pixels_are_unchanged(videos):
    dataset = make_dataset(
        videos, clip_length=3, size=(40, 60), batch_size=2, augment=False, exclude=["b"]
    )
    for inputs, targets, weights in arrays(dataset, 3):
        assert weights.all()
        np.testing.assert_array_equal(red(inputs["frames"]), all_masks(inputs, targets))
        assert set(np.unique(inputs["frames"])) == {0, 255}


def test_unannotated_frames_have_zero_weight(videos):
    dataset = make_dataset(
        videos, clip_length=5, size=SIZE, batch_size=1, frames="any", exclude=["a"]
    )
    weights = np.concatenate([batch[2] for batch in arrays(dataset, 20)])
    assert set(np.unique(weights)) == {0.0, 1.0}
    for _, targets, weights in arrays(dataset, 5):
        assert not targets[weights == 0].any()
        assert targets[weights == 1].any(axis=(1, 2, 3)).all()


def test_same_seed_gives_the_same_clips_from_any_start(videos):
    def stream(**options):
        return make_dataset(videos, clip_length=3, size=SIZE, batch_size=2, seed=7, **options)

    whole = arrays(stream(), 4)
    assert_same(arrays(stream(start=4, parallel=1), 2), whole[2:])
    workers = [arrays(stream(worker=(w, 2)), 4) for w in range(2)]
    for n, batch in enumerate(whole):
        joined = tf.nest.map_structure(
            lambda *parts: np.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:]),
            *[part[n] for part in workers],
        )
        assert_same(joined, batch)


@pytest.mark.slow
def test_mixing_videos_and_images_is_deterministic(videos, pictures):
    dataset = make_dataset({videos: 1, pictures: 1}, clip_length=3, size=SIZE, batch_size=2, seed=7)
    # Twice in one iteration, because starting one takes seconds.
    batches = list(dataset.take(2).repeat(2).as_numpy_iterator())
    assert_same(batches[:2], batches[2:])


def test_lengths_are_drawn_per_batch(videos):
    batches = arrays(make_dataset(videos, clip_length=(2, 5), size=SIZE, batch_size=3), 20)
    lengths = {inputs["frames"].shape[1] for inputs, _, _ in batches}
    assert lengths == {2, 3, 4, 5}


@pytest.mark.slow
def test_images_become_clips(pictures):
    for inputs, targets, weights in arrays(
        make_dataset(pictures, clip_length=3, size=SIZE, batch_size=2, seed=1), 3
    ):
        assert weights.all()
        assert inputs["mask"].any(axis=(1, 2, 3)).all()
        moved = (all_masks(inputs, targets)[:, 0] != all_masks(inputs, targets)[:, -1]).any()
        assert moved


def test_teacher_forcing(videos):
    def batch(start):
        return make_dataset(
            videos,
            clip_length=4,
            size=SIZE,
            batch_size=10,
            start=start,
            teacher_forcing=TeacherForcing(clips=100, held=100, corruption=0.0),
            exclude=["b"],
        )

    for start, low, high in ((0, 1, 1), (150, 0.1, 0.9), (200, 0, 0)):
        ((inputs, targets, _),) = arrays(batch(start), 1)
        assert low <= inputs["teacher_forcing"].mean() <= high
        np.testing.assert_array_equal(inputs["previous_masks"][:, 0], inputs["mask"])
        np.testing.assert_array_equal(inputs["previous_masks"][:, 1:], targets[:, :-1])


def test_corrupted_masks_still_overlap_the_true_ones(videos):
    corrupting = TeacherForcing(clips=100, held=100, corruption=1.0)
    dataset = make_dataset(
        videos, clip_length=4, size=SIZE, batch_size=10, teacher_forcing=corrupting, exclude=["b"]
    )
    ((inputs, targets, _),) = arrays(dataset, 1)
    np.testing.assert_array_equal(inputs["previous_masks"][:, 0], inputs["mask"])  # is given
    given, true = inputs["previous_masks"][:, 1:] > 0, targets[:, :-1] > 0
    assert (given != true).any(axis=(1, 2, 3, 4)).mean() > 0.5
    assert (given & true).sum() > 0.5 * true.sum()
    assert (given & ~true).any() and (true & ~given).any()


def test_unannotated_frames_are_not_teacher_forced(videos):
    dataset = make_dataset(
        videos,
        clip_length=5,
        size=SIZE,
        batch_size=1,
        frames="any",
        teacher_forcing=TeacherForcing(held=10**6),
        exclude=["a"],
    )
    for inputs, _, weights in arrays(dataset, 5):
        np.testing.assert_array_equal(inputs["teacher_forcing"][:, 1:], weights[:, :-1])


def test_rough_masks_of_one_frame(videos):
    """From a trimap of frame 0, which is repeated, the mask of frame 0 is to be found."""

    def stream(**options):
        options = {"clip_length": 3, "size": (40, 60), "batch_size": 4, "seed": 5} | options
        return make_dataset(videos, rough_masks=True, augment=False, exclude=["b"], **options)

    whole = arrays(stream(), 3)
    values = set()
    for inputs, targets, weights in whole:
        assert weights.all()
        assert (inputs["mask"].shape, inputs["mask"].dtype) == ((4, 40, 60, 1), np.float32)
        values |= set(np.unique(inputs["mask"]))
        frames = inputs["frames"]
        np.testing.assert_array_equal(frames, np.broadcast_to(frames[:, :1], frames.shape))
        np.testing.assert_array_equal(red(frames[:, 1:]), targets[..., 0] > 0)
        assert not (inputs["mask"] == 1)[targets[:, 0] == 0].any()
    assert values == {0, 0.5, 1}
    assert_same(arrays(stream(start=4), 2), whole[1:])
    other = arrays(stream(seed=6), 1)[0]
    assert (other[0]["mask"] != whole[0][0]["mask"]).any()


@pytest.mark.slow
def test_rough_mask_of_a_picture(pictures):
    for inputs, targets, weights in arrays(
        make_dataset(pictures, clip_length=2, size=SIZE, batch_size=4, rough_masks=True), 2
    ):
        assert weights.all()
        np.testing.assert_array_equal(inputs["frames"][:, 0], inputs["frames"][:, 1])
        assert not (inputs["mask"] == 1)[targets[:, 0] == 0].any()


def test_rough_mask_of_an_object_too_thin_to_be_seen():
    inputs = {"frames": tf.zeros((3, 4, 6, 3), tf.uint8), "mask": tf.zeros((4, 6, 1), tf.uint8)}
    inputs, _, _ = _with_rough_mask((inputs, None, None), 0, tf.constant(0))
    assert (inputs["mask"].dtype, inputs["mask"].shape) == (tf.float32, (4, 6, 1))
    assert not np.any(inputs["mask"])


@pytest.fixture
def damaged(tmp_path):
    """Records with a flipped byte in the middle of a frame of `a`."""
    write_records([moving_square("a", 1), moving_square("b", 1)], tmp_path, shards=1)
    (shard,) = tmp_path.glob("*.tfrecord")
    data = bytearray(shard.read_bytes())
    position = data.index(b"IDAT") + 20
    data[position] ^= 0x10
    shard.write_bytes(data)
    return tmp_path


def test_damaged_frames_are_reported_once_and_skipped(damaged, caplog):
    with caplog.at_level(logging.WARNING, "ytvos_keras"):
        clips = arrays(make_dataset(damaged, clip_length=4, size=SIZE, batch_size=2), 12)
    assert len(clips) == 12
    (message,) = {record.getMessage() for record in caplog.records}
    assert "train-00000-of-00001.tfrecord: a/00000" in message
    assert "it is left out" in message


def test_damaged_frames_raise_on_request(damaged):
    dataset = make_dataset(damaged, clip_length=8, size=SIZE, batch_size=2, on_corrupt="raise")
    with pytest.raises(tf.errors.InvalidArgumentError, match="a/00000"):
        arrays(dataset, 8)


def test_truncated_shard_is_reported_before_training(damaged):
    (shard,) = damaged.glob("*.tfrecord")
    shard.write_bytes(shard.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"train-00000-of-00001\.tfrecord"):
        make_dataset(damaged)


def test_videos_are_counted(videos, pictures):
    assert count_videos(videos) == 2
    assert count_videos([videos, pictures]) == 5
    assert count_videos([videos, pictures], percent=50) == 3  # rounded per folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip_length": 1}, "clip_length of 2 or more"),
        ({"clip_length": (4, 3)}, "clip_length of 2 or more"),
        ({"batch_size": 3, "worker": (0, 2)}, "multiple of their number"),
        ({"batch_size": 2, "start": 3}, "multiple of batch_size"),
        ({"worker": (2, 2)}, "worker must be .number, count."),
        ({"rough_masks": True, "objects": 2}, "rough_masks needs one object, and no teacher"),
        (
            {"rough_masks": True, "teacher_forcing": TeacherForcing()},
            "rough_masks needs one object, and no teacher",
        ),
    ],
)
def test_invalid_arguments(videos, options, message):
    with pytest.raises(ValueError, match=message):
        make_dataset(videos, **options)


def test_batch_can_be_drawn(videos, tmp_path):
    dataset = make_dataset(videos, clip_length=4, size=SIZE, batch_size=2, frames="any", seed=2)
    inputs, targets, _ = arrays(dataset, 1)[0]
    batch = inputs, targets, np.array([[1, 0, 1], [1, 1, 1]])
    drawn = np.array(draw_clips(batch))
    assert drawn.shape == (2 * (32 + 4), 4 * (48 + 4), 3)
    first = drawn[:32, :48]
    untouched = batch[0]["mask"][0, ..., 0] == 0
    np.testing.assert_array_equal(first[untouched], batch[0]["frames"][0, 0][untouched])
    assert (first[~untouched] != batch[0]["frames"][0, 0][~untouched]).any()
    assert drawn[:32, 104:152].min() >= 100  # greyed out


@pytest.mark.parametrize("visible", [0, 1])
def test_object_missing_from_the_first_frame_has_zero_weight(visible):
    masks = np.ones((3, 4, 6, 1), np.uint8)
    masks[0] = visible
    clip = {"frames": tf.zeros((3, 4, 6, 3), tf.uint8), "mask": tf.constant(masks)}
    clip["weight"] = tf.ones([3])
    _, _, weights = training_example(Draws.of_element(0, 0), clip, 0, (4, 6), None)
    np.testing.assert_array_equal(weights, [visible] * 2)
