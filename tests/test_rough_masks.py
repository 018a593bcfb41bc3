import numpy as np
import pytest

from ytvos_keras.data import rough_masks
from ytvos_keras.data.rough_masks import random_trimap
from ytvos_keras.media.trimap import BACKGROUND, OBJECT, UNKNOWN

SIZE = (60, 100)
KINDS = ["box", "box with clicks", "outline", "clicks", "scribble"]
SEEDS = range(25)


def masks():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ellipse = ((rows - 30) / 14) ** 2 + ((columns - 40) / 25) ** 2 < 1
    corner = (rows > 45) & (columns > 80)
    dot = (rows == 10) & (columns == 90)
    line = rows == 20
    return {"ellipse": ellipse, "corner": corner, "dot": dot, "line": line, "all": rows >= 0}


@pytest.fixture(params=masks())
def mask(request):
    return masks()[request.param]


def trimaps(mask, kind=None):
    return [random_trimap(mask, np.random.default_rng(seed), kind) for seed in SEEDS]


def test_kinds():
    assert list(rough_masks.KINDS) == KINDS


def test_random_kinds_have_their_shares(monkeypatch):
    kinds = []
    monkeypatch.setattr(rough_masks, "_outline", lambda mask, rng: kinds.append("outline"))
    for seed in range(400):
        random_trimap(masks()["dot"], np.random.default_rng(seed))
    assert 0.1 < len(kinds) / 400 < 0.2  # 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_values(kind, mask):
    for trimap in trimaps(mask, kind):
        assert (trimap.shape, trimap.dtype) == (SIZE, np.float32)
        assert set(np.unique(trimap)) <= {BACKGROUND, UNKNOWN, OBJECT}
        assert not (trimap[~mask] == OBJECT).any()
        assert trimap.any()
        if kind in ("box", "outline"):
            assert set(np.unique(trimap)) <= {BACKGROUND, UNKNOWN}


def test_same_generator_same_trimap():
    mask = masks()["ellipse"]
    first, second = trimaps(mask), trimaps(mask)
    np.testing.assert_array_equal(first, second)
    assert len({trimap.tobytes() for trimap in first}) > 20


@pytest.mark.parametrize("kind", ["box", "box with clicks"])
def test_box_is_around_the_object(kind):
    """A side is up to 4 % of the width or height inside of the object, or 12 % outside."""
    mask = masks()["ellipse"]
    (top, *_, bottom), (left, *_, right) = map(np.unique, np.nonzero(mask))
    height, width = bottom + 1 - top, right + 1 - left
    inside, outside = [round(0.04 * s + 0.5) for s in (height, width)], (height / 8, width / 8)
    sides = set()
    for trimap in trimaps(mask, kind):
        rows, columns = (np.flatnonzero(trimap.any(axis)) for axis in (1, 0))
        assert (trimap[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 0).all()
        for low, high, first, last, near, far in (
            (rows[0], rows[-1], top, bottom, inside[0], outside[0]),
            (columns[0], columns[-1], left, right, inside[1], outside[1]),
        ):
            assert first - far <= low <= first + near
            assert last - near <= high <= last + far
            sides |= {low - first, last - high}
    assert min(sides) < 0 < max(sides)


def test_outline_is_around_the_object(mask):
    for trimap in trimaps(mask, "outline"):
        assert (trimap[mask] == UNKNOWN).all()
        assert (trimap == BACKGROUND).any() or mask.all()


def test_outline_is_loose():
    mask = masks()["ellipse"]
    shares = [(trimap == UNKNOWN).sum() / mask.sum() for trimap in trimaps(mask, "outline")]
    assert 1 < min(shares) < max(shares) < 2.5


@pytest.mark.parametrize("kind", ["clicks", "scribble", "box with clicks"])
def test_clicks_are_on_the_object(kind, mask):
    found = trimaps(mask, kind)
    assert all((trimap == OBJECT).any() for trimap in found)
    if kind == "box with clicks":
        return
    off = [trimap == BACKGROUND for trimap in found]
    assert not any(clicked[mask].any() for clicked in off)
    if not mask.all():  # some also have clicks on the background
        assert 0 < sum(clicked.any() for clicked in off) < len(off)


def test_scribbles_are_longer_than_clicks():
    def area(kind):
        return np.mean([(trimap == OBJECT).sum() for trimap in trimaps(masks()["ellipse"], kind)])

    assert area("scribble") > 2 * area("clicks")
