import math

import numpy as np
import pytest
from annotate_project import SIZE, box, load_segmenter, make_project, wait_until

from ytvos_keras.annotate.chain_runner import ChainRunner
from ytvos_keras.annotate.propagation_plan import Chain
from ytvos_keras.annotate.propagator import Propagator, Request
from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter
from ytvos_keras.media import check_label_map

COUNT = 8


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, COUNT)
    project.add_object()
    return project


@pytest.fixture
def running(project):
    """Return a function that runs a request to completion and returns its events."""
    events = []
    propagator = Propagator(project, load_segmenter, events.append)
    wait_until(lambda: propagator.status.state == "ready")

    def run(start=0, stop=COUNT, direction="forward"):
        events.clear()
        propagator.start(Request(start, stop, direction))
        wait_until(lambda: propagator.status.state == "ready")
        return [event["index"] for event in events if event["type"] == "frame"]

    yield run
    propagator.close()


def left_of(project, index, value=1):
    columns = np.flatnonzero((project.mask(index) == value).any(0))
    return int(columns[0]) if columns.size else None


def test_forward(project, running):
    project.save_drawn(2, box(5), [1])
    assert running() == [3, 4, 5, 6, 7]
    assert [left_of(project, i) for i in range(COUNT)] == [None, None, 5, 6, 7, 8, 9, 10]


def test_both_directions(project, running):
    project.save_drawn(3, box(5), [1])
    assert sorted(running(direction="both")) == [0, 1, 2, 4, 5, 6, 7]
    assert [left_of(project, i) for i in range(COUNT)] == [8, 7, 6, 5, 6, 7, 8, 9]


def test_range(project, running):
    project.save_drawn(2, box(5), [1])
    assert running(0, 5) == [3, 4]


def test_fresh_frames_are_not_recomputed(project, running):
    project.save_drawn(0, box(5), [1])
    running()
    assert running() == []


def test_correction_changes_frames_up_to_the_next_trusted_one(project, running):
    project.save_drawn(0, box(5), [1])
    project.save_drawn(6, box(30), [1])
    running()
    project.save_drawn(3, box(20), [1])
    assert running() == [4, 5]
    assert [left_of(project, i) for i in range(COUNT)] == [5, 6, 7, 20, 21, 22, 30, 31]


def test_model_is_given_the_trusted_frames_on_both_sides(project, running, monkeypatch):
    shown = []

    def add_object(segmenter, mask, object_id):
        shown.append(object_id)
        return original(segmenter, mask, object_id)

    original = Segmenter.add_object
    monkeypatch.setattr(Segmenter, "add_object", add_object)
    project.add_object()
    project.save_drawn(0, box(5), [1])
    project.save_drawn(6, box(11) | box(30, 20, value=2), [1, 2])
    assert running(0, 6) == [1, 2, 3, 4, 5]
    assert shown == [1, 1]  # frame 6 with object 1 only, then frame 0
    assert [left_of(project, i) for i in range(6)] == [5, 6, 7, 8, 9, 10]


def test_only_the_corrected_object_is_recomputed(project, running):
    project.add_object()
    project.save_drawn(0, box(5) | box(30, 20, value=2), [1, 2])
    running()
    fixed = project.mask(4)
    fixed[fixed == 2] = 0
    project.save_drawn(4, fixed | box(10, 20, value=2), [2])
    assert running() == [5, 6, 7]
    assert [left_of(project, i, 1) for i in range(COUNT)] == list(range(5, 13))
    assert [left_of(project, i, 2) for i in range(4, COUNT)] == [10, 11, 12, 13]


def test_erased_object_stays_absent_until_redrawn(project, running):
    project.save_drawn(0, box(5), [1])
    project.save_drawn(3, np.zeros(SIZE, np.uint8), [1])
    project.save_drawn(6, box(9), [1])
    running()
    assert [left_of(project, i) for i in range(COUNT)] == [5, 6, 7, None, None, None, 9, 10]


def test_object_that_appears_later(project, running):
    project.add_object()
    project.save_drawn(0, box(5), [1])
    project.save_drawn(4, box(30, 20, value=2), [2])
    running()
    assert [left_of(project, i, 1) for i in range(COUNT)] == list(range(5, 13))
    assert [left_of(project, i, 2) for i in range(COUNT)] == [None] * 4 + [30, 31, 32, 33]


def test_many_thin_objects(project, running):
    """A label map with these values would be taken for smooth edges."""
    labels = np.zeros(SIZE, np.uint8)
    for object_id in range(1, 14):
        if object_id > 1:
            project.add_object()
        if object_id != 12:
            labels[4:28, 3 * object_id] = object_id
    with pytest.raises(InputError, match="smooth edges"):
        check_label_map(labels)
    project.save_drawn(0, labels, set(range(1, 14)) - {12})
    assert running() == [1, 2, 3, 4, 5, 6, 7]
    assert [left_of(project, 7, i) for i in (1, 13)] == [10, 46]


def test_nothing_drawn(running):
    assert running() == []


def test_stop_and_resume(project):
    events, stops = [], []

    def publish(event):
        events.append(event)
        if event["type"] == "frame" and event["index"] == 3 and not stops:
            stops.append(1)
            propagator.stop()

    propagator = Propagator(project, load_segmenter, publish)
    wait_until(lambda: propagator.status.state == "ready")
    project.save_drawn(0, box(5), [1])
    propagator.start(Request(0, COUNT, "forward"))
    wait_until(lambda: propagator.status.state == "ready")
    assert propagator.status.message == "Stopped after 3 frames."
    assert not project.has_mask(4)
    propagator.start(Request(0, COUNT, "forward"))
    wait_until(lambda: propagator.status.state == "ready")
    frames = [event["index"] for event in events if event["type"] == "frame"]
    assert frames == [1, 2, 3, 4, 5, 6, 7]
    assert [left_of(project, i) for i in range(COUNT)] == list(range(5, 13))
    propagator.close()


def test_deleted_object_does_not_return_under_a_reused_id(project, monkeypatch):
    step = Segmenter.step

    def delete_meanwhile(segmenter, frame):
        labels = step(segmenter, frame)
        if segmenter.frame_count == 3:
            project.delete_object(1)
            assert project.add_object() == 1
            project.save_drawn(5, box(20), [1])
        return labels

    monkeypatch.setattr(Segmenter, "step", delete_meanwhile)
    project.save_drawn(0, box(5), [1])
    propagator = Propagator(project, load_segmenter, lambda event: None)
    wait_until(lambda: propagator.status.state == "ready")
    propagator.start(Request(0, COUNT, "forward"))
    wait_until(lambda: propagator.status.state == "ready")
    propagator.close()
    assert [left_of(project, i) for i in range(COUNT)] == [None] * 5 + [20, None, None]


def test_confidence_is_kept(project, monkeypatch):
    monkeypatch.setattr(Segmenter, "confidence", {1: 0.25}, raising=False)
    events = []
    propagator = Propagator(project, load_segmenter, events.append)
    wait_until(lambda: propagator.status.state == "ready")
    project.save_drawn(0, box(5), [1])
    propagator.start(Request(0, 3, "forward"))
    wait_until(lambda: propagator.status.state == "ready")
    propagator.close()
    assert [e["confidence"] for e in events if e["type"] == "frame"] == [{1: 0.25}, {1: 0.25}]
    assert project.predicted[2][1].confidence == 0.25


def test_nothing_left_to_compute(project):
    propagator = Propagator(project, load_segmenter, lambda event: None)
    messages = []
    project.save_drawn(COUNT - 1, box(5), [1])
    for direction in ("forward", "both", "both", "forward"):
        wait_until(lambda: propagator.status.state == "ready")
        propagator.start(Request(0, COUNT, direction))
        wait_until(lambda: propagator.status.state == "ready")
        messages.append(propagator.status.message)
    propagator.close()
    up_to_date = "Every frame in the range is up to date."
    assert messages == [
        "Nothing left to compute in this direction; R computes both ways.",
        "Done: 7 frames.",
        up_to_date,
        up_to_date,
    ]


def test_model_fails_to_load(project):
    def load():
        raise InputError("no such model: x")

    propagator = Propagator(project, load, lambda event: None)
    wait_until(lambda: propagator.status.state == "failed")
    assert propagator.status.message == "no such model: x"
    with pytest.raises(InputError, match="the model is failed"):
        propagator.start(Request(0, 1, "forward"))
    propagator.close()


def test_range_outside_the_video(project):
    propagator = Propagator(project, load_segmenter, lambda event: None)
    with pytest.raises(InputError, match="range must lie within the video"):
        propagator.start(Request(0, COUNT + 1, "forward"))
    propagator.close()


def test_damaged_frame_ends_the_run_but_not_the_thread(project, running, tmp_path):
    project.save_drawn(0, box(5), [1])
    (tmp_path / "clip/00004.png").write_bytes(b"no picture")
    assert running() == [1, 2, 3]
    assert running(stop=3) == []


def test_full_disk_ends_the_run_but_not_the_thread(project, running, monkeypatch):
    def fail():
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    project.save_drawn(0, box(5), [1])
    # Only at the end of the run, however long it takes.
    monkeypatch.setattr("ytvos_keras.annotate.propagator.SAVE_SECONDS", math.inf)
    monkeypatch.setattr(project, "save_predictions", fail)
    assert running(stop=4) == [1, 2, 3]
    assert running() == [4, 5, 6, 7]


def test_confidence_of_a_frame_is_that_of_all_its_objects(project, monkeypatch):
    monkeypatch.setattr(Segmenter, "confidence", {1: 0.25, 2: 0.75}, raising=False)
    events = []
    propagator = Propagator(project, load_segmenter, events.append)
    wait_until(lambda: propagator.status.state == "ready")
    project.add_object()
    project.save_drawn(0, box(5), [1])
    project.save_drawn(1, box(6) | box(30, 20, value=2), [1, 2])
    project.save_drawn(2, box(7), [1])
    propagator.start(Request(0, 4, "forward"))
    wait_until(lambda: propagator.status.state == "ready")
    propagator.close()
    last = {e["index"]: e["confidence"] for e in events if e["type"] == "frame"}
    assert last == {2: {2: 0.75}, 3: {1: 0.25, 2: 0.75}}


def test_memory_is_shown_distant_trusted_frames(project, monkeypatch):
    """Near the source there are three; the far one shows another side of the object."""
    segmenter = load_segmenter()
    shown = []
    step = segmenter.step
    # The brightness of a frame tells its index.
    monkeypatch.setattr(segmenter, "step", lambda f: shown.append(f[0, 0, 0] - 100) or step(f))
    for index in (0, 3, 4, 5):
        project.save_drawn(index, box(5 + index), [1])
    runner = ChainRunner(project, project.frames, segmenter)
    assert [index for index, *_ in runner.run(Chain((1,), 5, range(6, 8)))] == [6, 7]
    assert shown == [0, 3, 5, 6, 7]
    shown.clear()
    runner = ChainRunner(project, project.frames, segmenter)
    project.save_drawn(7, box(12), [1])
    assert [index for index, *_ in runner.run(Chain((1,), 5, range(6, 7), beyond=7))] == [6]
    assert shown == [7, 0, 5, 6]


def test_object_erased_in_a_frame_that_is_not_shown_stays_away(project):
    project.add_object()
    both = np.maximum(box(5), box(25, value=2))
    project.save_drawn(0, both, [1, 2])
    project.save_drawn(2, box(7), [1, 2])  # object 2 is gone
    for index in (3, 4):
        project.save_drawn(index, box(5 + index), [1])
    segmenter = load_segmenter()
    runner = ChainRunner(project, project.frames, segmenter)
    chain = Chain((1,), 4, range(5, 7))
    assert runner._to_remember(chain) == [0, 2, 4]
    project.save_drawn(1, box(6), [1, 2])
    project.save_drawn(2, box(7), [1])  # now frame 1 says so, and is not shown
    assert runner._to_remember(chain) == [0, 2, 4]
    assert [index for index, *_ in runner.run(chain)] == [5, 6]
    assert segmenter.object_ids == [1]
