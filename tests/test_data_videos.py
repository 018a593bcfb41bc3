import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ytvos_keras.data.draws import Draws
from ytvos_keras.data.videos import _frame_numbers, list_sequences, make_video_clips_dataset
from ytvos_keras.errors import InputError

SIZE = (32, 48)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two sequences of a red square (object 1) that moves over blue; one has no annotations."""
    root = tmp_path_factory.mktemp("videos")
    for name in ("moving", "other", "bare"):
        frames = root / "source" / "JPEGImages" / name
        masks = root / "source" / "Annotations" / name
        frames.mkdir(parents=True)
        masks.mkdir(parents=True)
        for t in range(8):
            image = np.zeros((40, 60, 3), np.uint8)
            labels = np.zeros((40, 60), np.uint8)
            image[...] = (0, 0, 255)
            labels[10:26, 5 + 3 * t : 21 + 3 * t] = 1
            image[labels > 0] = (255, 0, 0)
            Image.fromarray(image).save(frames / f"{t:05d}.jpg", quality=95)
            if name != "bare":
                mask = Image.fromarray(labels)
                mask.putpalette([0, 0, 0, 128, 0, 0])
                mask.save(masks / f"{t:05d}.png")
    return root


def test_clips_have_the_object_in_the_first_frame_and_masks_that_fit(root):
    dataset = make_video_clips_dataset(root, clip_length=3, size=SIZE, batch_size=2, seed=1)
    agreements = []
    for inputs, targets, weight in dataset.take(4):
        assert inputs["frames"].shape == (2, 3, *SIZE, 3) and inputs["frames"].dtype == tf.uint8
        assert targets.shape == (2, 2, *SIZE, 1) and weight.shape == (2, 2)
        assert (tf.reduce_sum(inputs["mask"], axis=[1, 2, 3]).numpy() > 0).all()
        masks = np.concatenate([inputs["mask"][:, None], targets], axis=1)[..., 0] > 0
        frames = inputs["frames"].numpy().astype(int)
        agreements.append(((frames[..., 0] > frames[..., 2]) == masks).mean())
    assert np.mean(agreements) > 0.95, agreements


def test_start_skips_clips(root):
    def first(start):
        dataset = make_video_clips_dataset(
            root, clip_length=3, size=SIZE, batch_size=None, seed=4, start=start
        )
        return next(iter(dataset.skip(1 - start)))[0]["frames"].numpy()

    np.testing.assert_array_equal(first(0), first(1))


def test_frame_numbers_stay_in_the_sequence():
    for k in range(60):
        reference = k % 7
        numbers = _frame_numbers(Draws([k, 1]), reference, 7, 4, 5).numpy()
        assert numbers[0] == reference and numbers.min() >= 0 and numbers.max() < 7
        assert len(set(np.diff(numbers))) == 1 or reference == 3


def test_exclusion_and_errors(root, tmp_path):
    assert list(list_sequences(root)) == ["source/moving", "source/other"]
    assert list(list_sequences(root, ["source/moving"])) == ["source/other"]
    with pytest.raises(InputError, match="no annotated sequences"):
        make_video_clips_dataset(root, exclude=["source"])
    with pytest.raises(InputError, match="None of 2 sequences has 20 annotated frames"):
        make_video_clips_dataset(root, clip_length=20)
    with pytest.raises(InputError, match="no annotated sequences"):
        list_sequences(tmp_path)
