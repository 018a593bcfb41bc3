import pytest

from ytvos_keras.annotate.propagation_plan import Chain, plan


def never(source, frame, objects):
    return False


def chains(trusted, direction="forward", start=0, stop=10, is_fresh=never):
    found = plan(trusted, start, stop, direction, is_fresh)
    return [(chain.objects, chain.source, list(chain.frames)) for chain in found]


def test_forward_from_each_trusted_frame_to_the_next():
    assert chains({0: [1], 6: [1]}) == [((1,), 0, [1, 2, 3, 4, 5]), ((1,), 6, [7, 8, 9])]


def test_backward():
    assert chains({2: [1], 6: [1]}, "backward") == [((1,), 2, [1, 0]), ((1,), 6, [5, 4, 3])]


def test_both_directions_use_the_nearer_source():
    assert chains({2: [1], 7: [1]}, "both") == [
        ((1,), 2, [3, 4]),
        ((1,), 2, [1, 0]),
        ((1,), 7, [8, 9]),
        ((1,), 7, [6, 5]),
    ]


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("sources", [(0,), (9,), (0, 1), (3, 5), (2, 6, 9)])
def test_every_untrusted_frame_is_computed_once(direction, sources):
    frames = [f for _, _, fs in chains({s: [1] for s in sources}, direction) for f in fs]
    reached = {
        "forward": range(min(sources), 10),
        "backward": range(max(sources)),
        "both": range(10),
    }[direction]
    assert sorted(frames) == sorted(set(reached) - set(sources))


def test_objects_with_different_sources_get_separate_chains():
    assert chains({0: [1, 2], 4: [2, 3]}, stop=6) == [
        ((1,), 0, [1, 2, 3, 4, 5]),
        ((2,), 0, [1, 2, 3]),
        ((2,), 4, [5]),
        ((3,), 4, [5]),
    ]


def test_chain_starts_at_its_source_and_stops_at_the_range():
    assert chains({0: [1]}, start=4, stop=6) == [((1,), 0, [1, 2, 3, 4, 5])]
    assert chains({8: [1]}, "backward", start=4, stop=6) == [((1,), 8, [7, 6, 5, 4])]
    assert chains({8: [1]}, start=4, stop=6) == []


def test_only_stale_frames_are_computed():
    def fresh(source, frame, objects):
        return source == 0 or frame > 7

    assert chains({0: [1], 5: [1]}, is_fresh=fresh) == [((1,), 5, [6, 7])]


def test_no_trusted_frames_or_no_other_frames():
    assert plan({}, 0, 10, "both", never) == []
    assert plan({0: [1]}, 0, 1, "both", never) == []


def test_chain_knows_the_next_trusted_frame():
    found = plan({2: [1], 7: [1]}, 0, 10, "both", never)
    assert [(list(chain.frames), chain.beyond) for chain in found] == [
        ([3, 4], 7),
        ([1, 0], None),
        ([8, 9], None),
        ([6, 5], 2),
    ]


def test_chains_compare_by_value():
    assert Chain((1,), 0, range(1, 3)) == plan({0: [1]}, 0, 3, "forward", never)[0]
