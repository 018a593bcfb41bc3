import numpy as np
import pytest

from ytvos_keras.models.memory import Memory

KEYS, VALUES = 4, 3
SIZE = (4, 6)  # feature cells


def new_memory(slots=3, every=2):
    return Memory(slots, every, VALUES, filters=5, stride=8)


def frame(seed, batch=1):
    generator = np.random.default_rng(seed)
    key, features = (generator.normal(size=(batch, *SIZE, n)).astype("float32") for n in (KEYS, 7))
    return {"features": features, "key": key / np.linalg.norm(key, axis=-1, keepdims=True)}


def masks(seed, objects=2):
    generator = np.random.default_rng(100 + seed)
    return generator.integers(0, 2, (objects, 8 * SIZE[0], 8 * SIZE[1], 1)).astype("float32")


def keys_of(state, slot):
    if slot == 0:
        return np.array(state["bank_first_key"])
    return np.array(state["bank_key"])[..., (slot - 1) * KEYS : slot * KEYS]


def thinned(x, slot):
    """The quarter of the positions of a frame that a slot after the first keeps."""
    y, x0 = [(0, 0), (1, 1), (0, 1), (1, 0)][(slot - 1) % 4]
    return x[:, y::2, x0::2]


def run(memory, frames):
    state = memory.begin(frame(0), masks(0))
    for t in range(1, frames + 1):
        state = state | memory.update(frame(t), masks(t), state)
    return state


def test_the_first_frame_is_kept_and_other_slots_are_empty():
    state = new_memory().begin(frame(0), masks(0))
    np.testing.assert_array_equal(state["bank_age"], [[0, -1, -1]] * 2)
    np.testing.assert_array_equal(state["bank_trusted"], [[1, 0, 0]] * 2)
    for row in keys_of(state, 0):
        np.testing.assert_array_equal(row, frame(0)["key"][0])
    assert not np.array(state["bank_key"]).any()
    assert all(x.dtype == "float32" for x in state.values())


def test_every_second_frame_is_stored_in_turn():
    state = run(new_memory(), 6)  # frames 2, 4 and 6 are stored; 6 replaces 2
    np.testing.assert_array_equal(state["bank_age"], [[6, 0, 2]] * 2)
    np.testing.assert_array_equal(keys_of(state, 0)[1], frame(0)["key"][0])
    np.testing.assert_array_equal(keys_of(state, 1)[1], thinned(frame(6)["key"], 1)[0])
    np.testing.assert_array_equal(keys_of(state, 2)[1], thinned(frame(4)["key"], 2)[0])
    np.testing.assert_array_equal(state["previous_key"][1], frame(6)["key"][0])


def test_frames_in_which_an_object_is_lost_are_not_stored():
    memory = new_memory(slots=4)
    state = memory.begin(frame(0), masks(0))
    for t in range(1, 9):  # frames 2, 4, 6 and 8 are due; the second object is lost in 4
        confidence = np.array([[0.5], [0.49 if t == 4 else 0.5]], "float32")
        state = state | memory.update(frame(t), masks(t), state, confidence=confidence)
    np.testing.assert_array_equal(state["bank_age"], [[8, 0, 4, 2], [8, 0, -1, 2]])
    # Later frames are in the same slots, so that keys are shared again.
    for slot, t in ((1, 8), (3, 6)):
        keys = np.repeat(thinned(frame(t)["key"], slot), 2, axis=0)
        np.testing.assert_array_equal(keys_of(state, slot), keys)


def test_after_a_correction_the_oldest_prediction_is_replaced():
    memory = new_memory(slots=4, every=2)
    state = run(memory, 6)  # frames 2, 4 and 6
    state = state | memory.update(frame(7), masks(7), state)
    state = state | memory.trust(memory.begin(frame(7), masks(57)), state)  # replaces 2
    state = state | memory.update(frame(8), masks(8), state)  # replaces 4
    np.testing.assert_array_equal(state["bank_age"][0], [8, 1, 0, 2])


def test_corrections_are_kept_but_leave_a_slot_for_predictions():
    memory = new_memory(slots=4)
    state = run(memory, 2)
    steps = [  # frame, ages after its correction; corrections 2 and 3, then 5 replaces 2
        (2, [2, 0, -1, -1]),  # the prediction of frame 2, which was wrong, is not kept
        (3, [3, 1, 0, -1]),
        (5, [5, 0, 2, 1]),
    ]
    for t, ages in steps:
        while state["bank_age"][0, 0] < t:
            n = int(state["bank_age"][0, 0]) + 1
            state = state | memory.update(frame(n), masks(n), state)
        state = state | memory.trust(memory.begin(frame(t), masks(50 + t)), state)
        np.testing.assert_array_equal(state["bank_age"][0], ages)


def test_later_objects_have_their_own_ages():
    memory = new_memory()
    old, new = run(memory, 3), memory.begin(frame(3), masks(3, objects=1))
    state = {k: np.concatenate([old[k], new[k]]) for k in old}
    state = state | memory.update(frame(4), masks(4, objects=3), state)
    np.testing.assert_array_equal(state["bank_age"], [[4, 2, 0], [4, 2, 0], [1, -1, -1]])
    alone = {k: x[2:] for k, x in state.items()}
    query = frame(5)
    np.testing.assert_allclose(memory(query, state)[2:], memory(query, alone), atol=1e-5)


def test_empty_slots_are_never_read():
    memory = new_memory()
    state = run(memory, 1)
    query = frame(2)
    before = memory(query, state)
    filled = np.repeat(np.array(state["bank_age"])[:, 1:] >= 0, KEYS, axis=1)[:, None, None]
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, state["bank_key"].shape)
    state["bank_key"] = np.where(filled, state["bank_key"], noise).astype("float32")
    np.testing.assert_allclose(memory(query, state), before, atol=1e-5)


def test_a_correction_weighs_as_much_as_the_first_frame(monkeypatch):
    memory = new_memory(slots=4)
    state = run(memory, 2)  # frame 2 is stored
    state = state | memory.update(frame(3), masks(3), state)
    state = state | memory.trust(memory.begin(frame(3), masks(53)), state)
    weights = []
    match = memory.match_bank.call
    monkeypatch.setattr(memory.match_bank, "call", lambda *x: weights.append(x[3]) or match(*x))
    memory(frame(4), state)
    first, later = np.split(np.array(weights[0])[0], [SIZE[0] * SIZE[1]])
    assert (first == 1).all()
    # Of the frames with a quarter of the positions: a prediction, a correction, an empty slot.
    np.testing.assert_array_equal(
        later.reshape(-1, 3).sum(axis=0), len(first) * np.array([0.25, 1, 0])
    )


def test_slots_that_cannot_have_been_filled_may_be_left_out():
    memory = new_memory(slots=3, every=2)
    state = memory.begin(frame(0), masks(0))
    for t in range(1, 7):  # frames 2 and 4 fill the slots
        expected = memory(frame(t), state)
        np.testing.assert_allclose(memory(frame(t), state, age=t - 1), expected, atol=1e-5)
        state = state | memory.update(frame(t), masks(t), state)
    late = memory(frame(9), state, age=0)  # as if only the first slot were filled
    assert not np.allclose(late, memory(frame(9), state), atol=1e-3)


@pytest.mark.parametrize("slots", [2, 3])
def test_small_banks(slots):
    memory = new_memory(slots)
    state = run(memory, 4)
    state = state | memory.trust(memory.begin(frame(4), masks(54)), state)
    assert state["bank_age"][0, 0] == 4  # the first frame is kept
    assert np.isfinite(memory(frame(5), state)).all()
