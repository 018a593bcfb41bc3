"""The bundled model on synthetic videos in which the object disappears.

The requirement is modest: while the object is away, the mask stays smaller than the object was, and
when the object returns, it is found.
"""

import numpy as np
import pytest
from models_helper import bundled_model
from PIL import Image

from ytvos_keras.inference import Segmenter

SIZE = (128, 224)
RADIUS = 24


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(bundled_model(), SIZE)


def texture(seed):
    """Coloured blobs of two sizes."""
    random = np.random.default_rng(seed)
    total = np.zeros((*SIZE, 3))
    for count in (5, 24):
        blobs = random.integers(0, 256, (count, 2 * count, 3), np.uint8)
        large = Image.fromarray(blobs).resize(SIZE[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(large, float) / 2
    return total.astype(np.uint8)


def picture(scene, column):
    """A textured disc over a textured background: frame and mask."""
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    inside = (rows - 64) ** 2 + (columns - column) ** 2 < RADIUS**2
    frame = texture(scene)
    reddish = texture(100) // 2 + np.array([120, 20, 20], np.uint8)
    frame[inside] = np.roll(reddish, column, axis=1)[inside]  # the texture moves with the disc
    return frame, inside


def overlap(mask, truth):
    return (mask & truth).sum() / max(1, (mask | truth).sum())


@pytest.fixture
def area(segmenter):
    """Start tracking a disc in scene 0; return its area as a share of the frame."""
    frame, inside = picture(0, 112)
    segmenter.reset()
    segmenter.add_object(inside)
    segmenter.step(frame)
    for _ in range(2):
        assert overlap(segmenter.step(frame) > 0, inside) > 0.7
    return inside.mean()


def test_object_leaves_and_returns(segmenter, area):
    away = []
    for column in (130, 150, 170, 190, 210, 230, *[260] * 8, 230, 210, 190, 170, 150):
        frame, inside = picture(0, column)
        mask = segmenter.step(frame) > 0
        if not inside.any():
            away.append(mask.mean())
    assert max(away) < area
    assert overlap(mask, inside) > 0.5


def test_cut_to_another_scene_and_back(segmenter, area):
    elsewhere = [(segmenter.step(texture(scene)) > 0).mean() for scene in (1,) * 5 + (2,) * 5]
    assert max(elsewhere) < area
    frame, inside = picture(0, 120)
    for _ in range(4):
        mask = segmenter.step(frame) > 0
    assert overlap(mask, inside) > 0.5
