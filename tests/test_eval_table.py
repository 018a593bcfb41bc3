import io

import numpy as np
import pytest
from rich.console import Console

from ytvos_keras.evaluation import Evaluation, ObjectScores
from ytvos_keras.evaluation.table import missing_G, print_evaluations


def scores(sequence, category=None, J=(1.0, 0.5), object_id=1):
    frames = tuple(f"{t:05d}" for t in range(len(J)))
    return ObjectScores(sequence, object_id, category, frames, np.array(J), np.array(J))


def evaluation(*objects, seen=None, protocol="youtube-vos", **settings):
    return Evaluation(protocol, objects, None if seen is None else frozenset(seen), settings)


def printed(evaluations, **options):
    console = Console(file=io.StringIO(), width=80)
    print_evaluations(evaluations, console, **options)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    return [line.split() for line in lines if line]


def test_one_method_with_seen_and_unseen():
    both = evaluation(
        scores("a", "cat"), scores("b", "dog", [0.25]), scores("c"), seen=["cat"], frames="every"
    )
    rows = printed({"ours": both}, per_object=True)
    assert rows[0][:5] == ["youtube-vos:", "3", "objects", "in", "3"]
    numbers = {row[0]: row[1:] for row in rows}
    assert numbers["overall"] == ["3", "58.3", "33.3", "33.3", "58.3", "33.3", "33.3", "58.3"]
    assert numbers["seen"] == ["1", "75.0", "50.0", "50.0", "75.0", "50.0", "50.0", "75.0"]
    assert numbers["unseen"] == ["1", "25.0", "0.0", "0.0", "25.0", "0.0", "0.0", "25.0"]
    assert numbers["G"] == ["50.0"]
    assert numbers["b"] == ["1", "25.0", "0.0", "0.0", "25.0", "0.0", "0.0", "25.0"]
    assert not any("no G" in " ".join(row) for row in rows)


def test_each_method_has_its_own_block_of_rows():
    one, two = evaluation(scores("a")), evaluation(scores("a", J=[0.0, 0.0]))
    rows = printed({"ours": one, "[b]theirs": two})
    assert ["ours"] in rows
    assert ["[b]theirs"] in rows  # not interpreted as markup
    assert [row[2] for row in rows if row[0] == "overall"] == ["75.0", "0.0"]
    assert sum(row[:2] == ["no", "G:"] for row in rows) == 1


def test_long_names_and_nothing_to_score_fit():
    rows = printed(
        {"m" * 50: evaluation(scores("s" * 60, J=[])), "b": evaluation(scores("s", J=[]))},
        per_object=True,
    )
    assert any(row.count("–") == 7 for row in rows)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            evaluation(
                scores("a"), scores("a", object_id=2), scores("short", J=[]), protocol="davis2017"
            ),
            "davis2017: 2 objects in 1 sequence; first and last frame left out",
        ),
        (
            evaluation(scores("a"), exclude_last=True, frames=None),
            "youtube-vos: 1 object in 1 sequence; each object's first and last frame left out; "
            "frames given: not stated",
        ),
        (
            evaluation(scores("a"), exclude_last=False, frames="listed"),
            "youtube-vos: 1 object in 1 sequence; each object's first frame left out; "
            "frames given: listed",
        ),
    ],
)
def test_rule(given, line):
    assert given.rule == line


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (evaluation(scores("a"), protocol="davis2016"), None),
        (evaluation(scores("a", "x"), scores("b", "y"), seen=["x"]), None),
        (evaluation(scores("a")), "no G: it needs the objects' categories, which the ground truth"),
        (evaluation(scores("a", "x")), "no G: state which categories were seen, with --seen-from"),
        (evaluation(scores("a", "x"), seen=["x"]), "the unseen ones have no scored object"),
        (evaluation(scores("a", "x"), seen=["y"]), "the seen ones have no scored object"),
    ],
)
def test_hint_on_how_to_get_G(given, message):
    if message is None:
        assert missing_G(given) is None
    else:
        assert message in missing_G(given)
