import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ytvos_keras.data.clips import make_synthetic_dataset, shuffled_index, training_example
from ytvos_keras.data.config import AppearanceConfig, SyntheticConfig
from ytvos_keras.data.corrupt import corrupt_masks
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.pictures import PictureTable, list_pictures, pick_object
from ytvos_keras.data.synthetic import synthetic_clip
from ytvos_keras.errors import InputError

SIZE = (48, 64)
PLAIN = AppearanceConfig(
    brightness=0, contrast=0, saturation=0, hue=0, drift=0, shading=0, grey=0, blur=0, noise=0,
    jpeg=0,
)  # fmt: skip


def save_palette(labels, path):
    mask = Image.fromarray(labels)
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    mask.save(path)


def make_source(folder, count=4, height=60, width=80):
    """Blue pictures with one red (1) and one green (2) object."""
    (folder / "img").mkdir(parents=True)
    (folder / "mask").mkdir()
    for k in range(count):
        image = np.zeros((height, width, 3), np.uint8)
        labels = np.zeros((height, width), np.uint8)
        image[...] = (0, 0, 200)
        for number, (top, left) in enumerate([(5 + k, 10), (30, 45 - 2 * k)], start=1):
            labels[top : top + 20, left : left + 22] = number
            image[top : top + 20, left : left + 22] = [(220, 0, 0), (0, 220, 0)][number - 1]
        Image.fromarray(image).save(folder / "img" / f"{k}.png")
        save_palette(labels, folder / "mask" / f"{k}.png")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    make_source(root / "one")
    make_source(root / "two")
    return root


@pytest.fixture(scope="module")
def clips(root):
    """Eight clips of stream 5 as arrays."""
    dataset = make_synthetic_dataset(root, size=SIZE, clip_length=4, batch_size=None, seed=5)
    return list(dataset.take(8).as_numpy_iterator())


def assert_same(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_shapes_types_and_start(root, clips):
    dataset = make_synthetic_dataset(
        root, size=SIZE, clip_length=4, batch_size=2, seed=5, start=3, parallel=1
    )
    inputs, targets, weight = batch = next(iter(dataset))
    assert inputs["frames"].shape == (2, 4, *SIZE, 3) and inputs["frames"].dtype == tf.uint8
    assert inputs["mask"].shape == (2, *SIZE, 1) and inputs["mask"].dtype == tf.uint8
    assert inputs["previous_masks"].shape == (2, 3, *SIZE, 1)
    assert inputs["previous_masks"].dtype == tf.uint8
    assert inputs["teacher_forcing"].shape == (2, 3)
    assert targets.shape == (2, 3, *SIZE, 1) and targets.dtype == tf.float32
    assert weight.shape == (2, 3) and tf.reduce_all(weight == 1.0)
    # The same clips as a stream from 0 gives, whatever the batch and the number of threads.
    assert_same(tf.nest.map_structure(lambda x: x[0].numpy(), batch), clips[3])
    assert_same(tf.nest.map_structure(lambda x: x[1].numpy(), batch), clips[4])


def test_object_is_visible_in_the_first_frame(clips):
    for inputs, targets, _ in clips:
        assert inputs["mask"].mean() >= 0.003
        assert set(np.unique(inputs["mask"])) <= {0, 1}
        assert set(np.unique(targets)) <= {0.0, 1.0}
        np.testing.assert_array_equal(inputs["previous_masks"][0], inputs["mask"])


@pytest.mark.parametrize("whole", [0.0, 1.0])
def test_mask_and_frame_move_together(root, whole):
    config = SyntheticConfig(
        appearance=PLAIN, whole_picture=whole, distractors=(1.0, 0.0, 0.0), disappear=0.0
    )
    table = PictureTable(list_pictures(root))
    agreements = []
    for n in range(6):
        clip = synthetic_clip(table, tf.constant(n), Draws.of_element(1, n), 4, SIZE, config)
        masks = clip["mask"].numpy()[..., 0] > 0
        frames = clip["frames"].numpy().astype(int)
        # The colour that prevails under the first mask is the object's.
        red = np.median(frames[0][masks[0]], axis=0).argmax() == 0
        if whole:
            seen = frames[..., 0 if red else 1] > 110
            agreements.append((seen == masks).mean())
        else:  # The background may hold objects of the same colour: look under the mask alone.
            agreements.append((frames[masks][:, 0 if red else 1] > 100).mean())
    assert min(agreements) > 0.93, agreements


def test_teacher_forcing_falls_linearly():
    masks = tf.zeros([5, 8, 8, 1], tf.uint8)
    clip = {"frames": tf.zeros([5, 8, 8, 3], tf.uint8), "mask": masks}

    def share(n):
        elements = [
            training_example(Draws.of_element(k, n), clip, n, (8, 8), 100, 0.0)[0]
            for k in range(20)
        ]
        return np.mean([element["teacher_forcing"] for element in elements])

    assert share(0) == 1.0
    assert 0.3 < share(50) < 0.7
    assert share(100) == 0.0 and share(1000) == 0.0


def test_faults_are_in_later_previous_masks_only():
    masks = np.zeros((5, 48, 64, 1), np.uint8)
    masks[:, 10:30, 20:45] = 1
    clip = {"frames": tf.zeros([5, 48, 64, 3], tf.uint8), "mask": tf.constant(masks)}
    changed = []
    for n in range(10):
        inputs, targets, _ = training_example(
            Draws.of_element(2, n), clip, tf.constant(n), SIZE, 100, 1.0
        )
        np.testing.assert_array_equal(inputs["mask"], masks[0])
        np.testing.assert_array_equal(inputs["previous_masks"][0], masks[0])
        np.testing.assert_array_equal(targets, masks[1:])
        changed.append((inputs["previous_masks"][1:].numpy() != masks[1:4]).mean())
    assert 0.01 < np.mean(changed) < 0.5


def test_faults_erase_and_add():
    masks = np.zeros((6, *SIZE, 1), np.uint8)
    masks[:, 10:30, 20:45] = 1
    faulty = np.stack([corrupt_masks(Draws([k, 0]), tf.constant(masks), SIZE) for k in range(8)])
    assert (faulty < masks).any() and (faulty > masks).any()
    assert set(np.unique(faulty)) == {0, 1}


def test_every_picture_comes_once_an_epoch():
    order = [int(shuffled_index(tf.constant(n, tf.int64), 7, 6)) for n in range(12)]
    assert sorted(order[:6]) == sorted(order[6:]) == list(range(6))
    assert order[:6] != order[6:]


def test_objects_are_picked_by_palette_number_and_size(tmp_path):
    make_source(tmp_path / "one", count=1)
    table = PictureTable(list_pictures(tmp_path))
    image, labels = table.read(0)
    assert set(np.unique(labels)) == {0, 1, 2}
    assert tuple(image[15, 15]) == (220, 0, 0) and labels[15, 15] == 1
    small = np.zeros((40, 40), np.uint8)
    small[0, 0], small[5:20, 5:20], small[30:, 30:] = 1, 2, 255
    for k in range(5):
        assert pick_object(Draws([k, 0]), tf.constant(small), 0.003) == 2


def test_exclusion(root):
    names = [picture.name for picture in list_pictures(root, exclude=["one", "two/3"])]
    assert names == ["two/0", "two/1", "two/2"]
    assert len(list_pictures(root / "one")) == 4


def test_clear_errors(root, tmp_path):
    with pytest.raises(InputError, match="has no pictures"):
        make_synthetic_dataset(root, exclude=["one", "two"])
    with pytest.raises(InputError, match="is not a folder"):
        make_synthetic_dataset(tmp_path / "nothing")
    with pytest.raises(ValueError, match="clip_length=1"):
        make_synthetic_dataset(root, clip_length=1)
    make_source(tmp_path / "bad", count=1)
    save_palette(np.zeros((30, 30), np.uint8), tmp_path / "bad" / "mask" / "0.png")
    with pytest.raises(InputError, match="30x30 pixels, its picture"):
        make_synthetic_dataset(tmp_path)
    save_palette(np.zeros((60, 80), np.uint8), tmp_path / "bad" / "mask" / "0.png")
    with pytest.raises(InputError, match="None of 1 pictures has an object"):
        make_synthetic_dataset(tmp_path)
    Image.new("RGB", (80, 60)).save(tmp_path / "bad" / "mask" / "0.png")
    with pytest.raises(InputError, match="mode RGB"):
        make_synthetic_dataset(tmp_path)
    (tmp_path / "bad" / "mask" / "0.png").unlink()
    with pytest.raises(InputError, match="has no mask"):
        make_synthetic_dataset(tmp_path)
