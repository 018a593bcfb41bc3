import json
import random

import pytest

from ytvos_keras.datasets.split_files import training_fraction, write_splits
from ytvos_keras.datasets.splits import (
    PAPER_UNSEEN,
    make_splits,
    video_categories,
)
from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError

PARTS = ("train", "validation", "test_seen", "test_unseen")


def videos_of(**counts):
    """Videos with one category each: `dog=10` gives dog_000 … dog_009."""
    return {
        f"{category}_{i:03d}": [category.replace("_", " ")]
        for category, count in counts.items()
        for i in range(count)
    }


@pytest.fixture(scope="module")
def world():
    """900 videos with one to three of 78 categories, ten of which are the paper's unseen ones."""
    draw = random.Random(5)
    categories = [*PAPER_UNSEEN, *(f"seen {i}" for i in range(68))]
    world = {f"{c}-{i}": {c} for c in categories for i in range(8)}
    for i in range(276):
        world[f"mixed-{i}"] = set(draw.sample(categories[10:], draw.randint(1, 3)))
    return world


def test_parts_are_disjoint_and_complete(world):
    splits = make_splits(world)
    names = [name for part in PARTS for name in getattr(splits, part)]
    assert len(names) == len(set(names)) == len(world)
    assert set(names) == set(world)
    assert all(list(getattr(splits, part)) == sorted(getattr(splits, part)) for part in PARTS)


def test_sizes_match_the_paper(world):
    splits = make_splits(world)
    assert len(splits.validation) == 2 * 68
    assert len(splits.test_seen) == 4 * 68
    assert set(splits.unseen) == set(PAPER_UNSEEN)
    assert splits.test_unseen == tuple(sorted(v for v in world if world[v] & set(PAPER_UNSEEN)))
    seen = set().union(*(world[name] for name in splits.train))
    assert seen == {f"seen {i}" for i in range(68)}


def test_splits_depend_on_the_seed_but_not_on_the_order(world):
    splits = make_splits(world, seed=3)
    items = list(world.items())
    random.Random(0).shuffle(items)
    assert make_splits({name: sorted(own, reverse=True) for name, own in items}, seed=3) == splits
    other = make_splits(world, seed=4)
    assert other.validation != splits.validation
    assert other.test_unseen == splits.test_unseen


def test_splits_are_the_same_on_every_machine():
    splits = make_splits(videos_of(dog=9), unseen=())
    assert splits.validation == ("dog_001", "dog_003")
    assert splits.train == ("dog_002", "dog_005", "dog_006")


def test_new_video_moves_at_most_two_others_of_its_category():
    before = make_splits(videos_of(dog=40, cat=40), unseen=())
    after = make_splits({**videos_of(dog=40, cat=40), "dog_new": ["dog"]}, unseen=())
    for part in ("train", "validation", "test_seen"):
        old, new = set(getattr(before, part)), set(getattr(after, part))
        assert len(old ^ new) <= 2
        assert not any(name.startswith("cat") for name in old ^ new)


def test_any_unseen_category_makes_a_video_unseen():
    videos = {**videos_of(dog=10), "both": ["dog", "snail"], "underscore": ["Bull_Riding"]}
    splits = make_splits(videos, unseen=["snail", "bull riding"])
    assert splits.test_unseen == ("both", "underscore")
    assert splits.unseen == ("Bull_Riding", "snail")


def test_video_counts_for_its_rarest_category():
    persons = videos_of(person=20)
    skaters = {f"skater_{i}": ["person", "skateboard"] for i in range(7)}
    splits = make_splits({**persons, **skaters}, unseen=())
    drawn = [*splits.validation, *splits.test_seen]
    assert sum(name.startswith("skater") for name in drawn) == 6
    assert len(drawn) == 12


def test_videos_without_categories_form_their_own_category():
    splits = make_splits({f"v{i}": [] for i in range(20)}, unseen=())
    assert [len(getattr(splits, part)) for part in PARTS] == [14, 2, 4, 0]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 2, 0)), (5, (1, 2, 2))]
)
def test_small_category_keeps_a_training_video(count, expected):
    with pytest.warns(UserWarning, match=rf"too few videos.*for training: cat {count}\.$"):
        splits = make_splits(videos_of(dog=9, cat=count), unseen=())
    cats = [sum(name.startswith("cat") for name in getattr(splits, part)) for part in PARTS[:3]]
    assert tuple(cats) == expected


def test_missing_unseen_categories():
    videos = videos_of(dog=9, snail=2)
    with pytest.raises(InputError, match=r"no video has the category ant, owl; available: dog, sn"):
        make_splits(videos, unseen=["ant", "snail", "owl"])
    with pytest.warns(
        UserWarning, match="categories: ant, bull riding, .*penguin, slopestyle; name"
    ):
        splits = make_splits(videos)  # default: the paper's unseen categories that are present
    assert splits.unseen == ("snail",)


def test_clips_of_one_raw_video_stay_together():
    videos = {f"{source}_{i:02d}": ["dog"] for source in "abcdefghij" for i in range(1, 4)}
    sources = {video: f"{video[0]}.mp4" for video in videos}
    splits = make_splits(videos, unseen=(), sources=sources)
    found = [{sources[name] for name in getattr(splits, part)} for part in PARTS[:3]]
    assert [len(part) for part in found] == [4, 2, 4]
    assert not found[0] & found[1] and not found[1] & found[2] and not found[0] & found[2]
    assert len(splits.validation) == 6
    with pytest.raises(InputError, match=r"^sources must be .* Received: 'x' beside 'a_01'$"):
        make_splits(videos, unseen=(), sources={"x": "a.mp4"})


def test_nothing_to_split_and_negative_numbers():
    with pytest.raises(InputError, match="no videos to split"):
        make_splits({})
    with pytest.raises(InputError, match=r"0 or more. Received: -1 and 4"):
        make_splits(videos_of(dog=3), validation=-1)


def test_fractions_are_nested_and_do_not_depend_on_the_order():
    train = [f"v{i}" for i in range(103)]
    shares = [set(training_fraction(train, percent)) for percent in (25, 50, 75, 100)]
    assert [len(share) for share in shares] == [26, 52, 77, 103]
    assert shares[0] < shares[1] < shares[2] < shares[3]
    assert set(training_fraction(train[::-1], 25)) == shares[0]
    with pytest.raises(InputError, match=r"above 0 and at most 100. Received: 0"):
        training_fraction(train, 0)


def test_fractions_sample_small_and_large_categories_equally():
    videos = videos_of(**{f"c{i}": 12 for i in range(60)}, large=720)
    train = make_splits(videos, unseen=()).train
    quarter = training_fraction(train, 25)
    share = sum(name.startswith("large") for name in quarter) / len(quarter)
    expected = sum(name.startswith("large") for name in train) / len(train)
    assert abs(share - expected) < 0.08


def test_files(tmp_path):
    splits = make_splits({**videos_of(dog=14), "s": ["snail"]}, unseen=["snail"], seed=7)
    files = write_splits(splits, tmp_path / "splits")
    assert sorted(file.name for file in files) == [
        *("splits.json", "test_seen.txt", "test_unseen.txt", "train.txt", "train_25.txt"),
        *("train_50.txt", "train_75.txt", "validation.txt"),
    ]
    assert sorted((tmp_path / "splits").iterdir()) == sorted(files)
    for part in PARTS:
        lines = (tmp_path / "splits" / f"{part}.txt").read_text().splitlines()
        assert lines == list(getattr(splits, part))
    facts = json.loads((tmp_path / "splits" / "splits.json").read_text())
    assert (facts["seed"], facts["unseen"]) == (7, ["snail"])
    assert facts["videos"]["train"] == 8 and facts["videos"]["train_25"] == 2
    assert "2 are validation, the next 4 test_seen" in facts["rule"]


def test_categories_of_videos():
    videos = [Video("a", (), categories={1: "dog", 4: "cat"}), Video("b", ())]
    assert video_categories(videos) == {"a": {"dog", "cat"}, "b": set()}
