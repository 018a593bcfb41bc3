"""Which images a scene is composed of."""

import numpy as np
import pytest
from records import make_video, write_records

from ytvos_keras.data.augmentation import SyntheticConfig
from ytvos_keras.data.picture_scene import SceneSampler
from ytvos_keras.data.sampling import Drawn
from ytvos_keras.records.index import read_index


def open_pictures(folder, count):
    """Images of a single grey level each, 10, 20, …, with an object."""
    mask = np.zeros((1, 24, 32), np.uint8)
    mask[:, 8:16, 8:16] = 1
    pictures = [
        make_video(f"p{n}", np.full((1, 24, 32, 3), 10 * n, np.uint8), mask)
        for n in range(1, count + 1)
    ]
    return read_index(write_records(pictures, folder, shards=1))


def levels(pictures, seed):
    """The grey levels of the target's image, the background and the further objects."""
    config = SyntheticConfig(
        whole_picture=0.0, distractors=(0.0, 0.0, 1.0), copies=0.0, disappear=0.0
    )
    sampler = SceneSampler(pictures, config, 0.001, pytest.fail)
    scene = sampler.read(Drawn(pictures[0], 1, (0,), (1.0,)), np.random.default_rng(seed))
    return [int(image.max()) for image in (scene.image, scene.background, *scene.images)]


def test_other_images_are_not_that_of_the_target(tmp_path):
    pictures = open_pictures(tmp_path, 3)
    seen = np.array([levels(pictures, seed) for seed in range(40)])
    assert set(seen[:, 0]) == {10}
    for column in seen[:, 1:].T:
        assert set(column) == {20, 30}


def test_a_single_image_also_serves_as_background(tmp_path):
    pictures = open_pictures(tmp_path, 1)
    assert set(levels(pictures, 0)) == {10}
