import contextlib
import re
import threading
import time

import numpy as np
import pytest
from annotate_project import (
    SIZE,
    EllipseFinder,
    box,
    ellipse_in,
    load_segmenter,
    make_frames,
    wait_until,
)
from annotate_server import running_server
from chromium import CHROMIUM

from ytvos_keras.annotate.project import Prediction, Project
from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter
from ytvos_keras.media.trimap import box_trimap

pytest.importorskip("playwright")
from annotate_browser import Held, Person, chromium, intercept, new_page, response_to
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

COUNT = 8


@pytest.fixture
def finder():
    return EllipseFinder()


@pytest.fixture
def workspace(tmp_path, finder):
    make_frames(tmp_path / "clip", COUNT)
    workspace = Workspace(tmp_path, load_segmenter, lambda: finder)
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def empty_page(browser, tmp_path_factory):
    """A page without a video, for tests that only call functions of its scripts."""
    workspace = Workspace(tmp_path_factory.mktemp("empty"), load_segmenter, EllipseFinder)
    with running_server(workspace) as client, new_page(browser, client.address) as page:
        yield page


@pytest.fixture
def page(workspace, browser):
    with running_server(workspace) as client, new_page(browser, client.address) as page:
        yield page


@pytest.fixture
def person(page, workspace):
    """A user who has opened the clip and added an object."""
    page.get_by_role("button", name="clip").click()
    person = Person(page, SIZE)
    person.sees("#place", "frame 1 of 8")
    page.locator("#opener").wait_for(state="hidden")
    person.press("n")
    person.sees("#hint", "object 1 in a frame where it is clearly visible, or drag a box")
    person.can_draw()
    wait_until(lambda: workspace.events._queues)  # it receives events
    return person


@pytest.fixture
def project(person, workspace):
    return workspace.session.project


def hold_after(index, project, monkeypatch):
    """Return an event for which runs wait once they have predicted a frame."""
    step, gate = Segmenter.step, threading.Event()

    def gated(segmenter, frame):
        if index in project.predicted:
            gate.wait(60)
        return step(segmenter, frame)

    monkeypatch.setattr(Segmenter, "step", gated)
    return gate


@pytest.fixture
def gate(project, monkeypatch):
    """An event for which runs wait after the fourth frame."""
    gate = hold_after(3, project, monkeypatch)
    yield gate
    gate.set()


@pytest.fixture
def held_finder(project, finder):
    """The finder, which waits until its gate is set."""
    finder.gate.clear()
    yield finder
    finder.gate.set()


def labels_become(project, index, expected):
    wait_until(lambda: np.array_equal(project.mask(index), expected))


def left_of(project, index, value=1):
    columns = np.flatnonzero((project.mask(index) == value).any(0))
    return int(columns[0]) if columns.size else None


def test_draw_undo_redo_reload(person, project):
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5))
    person.press("Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    assert project.trusted == {}
    person.press("Control+Shift+z")
    labels_become(project, 0, box(5))
    assert list(project.trusted) == [0]
    person.sees("#saved", "Saved")
    person.page.reload()
    person.sees("#place", "frame 1 of 8")
    person.press("n")
    person.page.locator("#objects li").nth(1).wait_for()
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20, value=2))


def test_propagate_correct_propagate(person, project):
    # Otherwise the page may still be showing computed frames one by one after the run.
    person.page.locator("#follow").uncheck()
    person.lasso(5, 4, 13, 12)
    person.propagate(said="Done: 7 frames.")
    assert [left_of(project, i) for i in range(COUNT)] == list(range(5, 13))
    person.go_to(5)
    person.press("e")
    for y in (6, 10):
        person.drag((4, y), (24, y))
    person.lasso(30, 20, 38, 28)
    labels_become(project, 4, box(30, 20))
    person.propagate(said="Done: 3 frames.")
    assert [left_of(project, i) for i in range(COUNT)] == [5, 6, 7, 8, 30, 31, 32, 33]


def test_two_objects_in_both_directions(person, project):
    person.go_to(4)
    person.lasso(5, 4, 13, 12)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(20, 20, 28, 28)
    labels_become(project, 3, box(5) | box(20, 20, value=2))
    person.propagate("r", said="Done: 7 frames.")
    assert [left_of(project, i, 1) for i in range(COUNT)] == [8, 7, 6, 5, 6, 7, 8, 9]
    assert [left_of(project, i, 2) for i in range(COUNT)] == [23, 22, 21, 20, 21, 22, 23, 24]


def test_every_tool(person, project):
    person.press("p")
    for corner in ((5, 4), (13, 4), (13, 12), (5, 12)):
        person.click(*corner)
    person.press("Enter")
    labels_become(project, 0, box(5))
    person.page.locator("#size").fill("4")
    person.page.locator("#stage").focus()
    person.press("b")
    person.drag((20, 20), (30, 20))
    wait_until(lambda: project.mask(0)[20, 25] == 1)
    assert project.mask(0)[23, 25] == 0
    person.press("g")
    person.page.keyboard.down("Alt")
    person.click(25, 20)
    person.page.keyboard.up("Alt")
    labels_become(project, 0, box(5))
    person.press("l")
    person.page.keyboard.down("Alt")
    person.drag((5, 4), (13, 4), (13, 8), (5, 8))
    person.page.keyboard.up("Alt")
    labels_become(project, 0, box(5) * (np.arange(SIZE[0])[:, None] >= 8))
    person.press("l")
    person.page.mouse.move(*person.place(20, 20))
    person.page.mouse.down()
    for corner in ((30, 20), (30, 30)):
        person.page.mouse.move(*person.place(*corner))
    person.press("Escape")
    person.page.mouse.up()
    person.press("p")
    for corner in ((20, 20), (30, 20), (30, 30)):
        person.click(*corner)
    person.page.locator("[data-tool=lasso]").click()
    person.drag((34, 4), (42, 4), (42, 12), (34, 12))
    labels_become(project, 0, box(5) * (np.arange(SIZE[0])[:, None] >= 8) | box(34))


def test_stale_status_is_ignored(tmp_path, browser):
    make_frames(tmp_path / "clip", COUNT)
    summary_sent = threading.Event()

    def load():
        summary_sent.wait()
        return load_segmenter()

    workspace = Workspace(tmp_path, load, EllipseFinder)
    workspace.open(tmp_path / "clip")

    def deliver_late(route):
        answer = route.fetch()
        assert answer.json()["status"]["state"] == "loading"
        expect(page.locator("#run")).to_contain_text("Loading the model")
        summary_sent.set()
        expect(page.locator("#run")).to_be_empty()  # it has received the event
        route.fulfill(response=answer)

    with running_server(workspace) as client, new_page(browser, "about:blank") as page:
        page.route("**/api/project", deliver_late, times=1)
        page.goto(client.address)
        expect(page.locator("#forward")).to_be_enabled()
    workspace.close()


def test_range_and_trust(person, project):
    person.press("t")
    person.sees("#hint", "There is no object in this frame.")
    expect(person.page.locator("#undo")).to_be_disabled()
    person.lasso(5, 4, 13, 12)
    person.go_to(4)
    person.press("o")
    person.sees("#range", "Frames 1–4")
    person.press("Home")
    person.sees("#place", "frame 1 of")
    person.propagate(said="Done: 3 frames.")
    person.sees("#place", "frame 4 of")
    person.press("t")
    wait_until(lambda: 3 in project.trusted)
    person.press("t")
    person.sees("#hint", "This frame is trusted already.")
    person.press("Control+z")
    wait_until(lambda: 3 not in project.trusted)
    person.press("Home", "t")
    person.sees("#hint", "This frame is trusted already.")
    assert 0 in project.trusted  # drawn
    person.press("x")
    person.sees("#range", "Whole video")


def test_rename_recolour_hide_delete(person, project):
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5))
    name = person.page.get_by_label("Name of object 1")
    name.fill("dog")
    name.press("Enter")
    wait_until(lambda: project.objects[1].name == "dog")
    person.page.locator("#objects input[type=color]").fill("#00ff00")
    wait_until(lambda: project.objects[1].colour == "#00ff00")
    name.fill("cat")
    person.page.get_by_role("button", name="Hide").click()
    person.sees("#objects", "Show")
    wait_until(lambda: project.objects[1].name == "cat")
    person.page.get_by_label("Delete object 1").click()
    person.page.get_by_role("button", name="Delete", exact=True).click()
    person.sees("#hint", "Add an object")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))


def test_keys_after_clicks_in_the_list_of_objects(person):
    person.press("n")
    person.sees("#objects li.current", "2")
    name = person.page.get_by_label("Name of object 1")
    name.focus()
    person.sees("#objects li.current", "1")
    person.page.get_by_title("Hide its masks").nth(1).click()
    person.sees("#objects", "Show")
    person.sees("#objects li.current", "1")
    person.page.get_by_title("Draw object 2").click()
    person.press("p")
    expect(person.page.locator("[data-tool=polygon]")).to_have_attribute("aria-pressed", "true")
    person.sees("#objects li.current", "2")
    expect(name).to_have_value("object 1")


def test_dialogs_keep_keys_and_dropped_files(person, project):
    page = person.page
    page.locator("#help").click()
    person.press_at_once("n")
    drop(page, "other.mp4")
    expect(page.locator("#opener")).to_be_hidden()
    page.get_by_role("button", name="Close").click()
    page.locator("#format").focus()
    person.press("n")
    failed = {"status": 500, "body": '{"error": "gone"}'}
    intercept(page, "**/api/videos", lambda route: route.fulfill(**failed))
    page.get_by_role("button", name="Open…").click()
    person.sees("#open-error", "gone")
    page.get_by_role("button", name="Close").click()
    page.locator("#stage").focus()
    with page.expect_response(lambda response: "api/objects?" in response.url):
        person.press("n")
    assert list(project.objects) == [1, 2]


def drop(page, name):
    page.evaluate(
        """name => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["no video"], name));
          dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true })); }""",
        name,
    )


def test_masks_are_coloured_only_when_their_look_changes(person):
    person.page.evaluate(
        """() => {
          window.coloured = 0;
          const { prototype } = CanvasRenderingContext2D;
          const original = prototype.putImageData;
          prototype.putImageData = function (...rest) {
            window.coloured++;
            return original.apply(this, rest);
          }; }"""
    )
    person.press("]", "1", "]")
    is_rendered(person)
    assert person.page.evaluate("coloured") == 0
    person.page.locator("#opacity").fill("80")
    is_rendered(person)
    assert person.page.evaluate("coloured") == 1


def test_export(person, project, workspace, tmp_path):
    person.lasso(5, 4, 13, 12)
    person.page.locator("#format").select_option("coco")
    person.page.get_by_role("button", name="Export").click()
    person.sees("#exported", "coco.json")
    with person.page.expect_download() as download:
        person.page.get_by_role("link", name="Save").click()
    assert '"area": 64' in download.value.path().read_text()
    make_frames(tmp_path / "other", 3)
    workspace.open_name("other")
    person.sees("#place", "frame 1 of 3")
    expect(person.page.locator("#download")).to_be_hidden()


def test_drawing_follows_the_pointer_when_zoomed(person, project):
    mouse, (x, y) = person.page.mouse, person.place(18, 12)
    person.page.evaluate(
        """() => {
          window.turned = new Promise(done => addEventListener("wheel", () => done())); }"""
    )
    mouse.move(x, y)
    mouse.wheel(0, -250)
    person.page.evaluate("turned")
    side = 4 * (person.place(19, 12)[0] - x) * 1.0015**250  # of four video pixels on the page
    person.press("l")
    mouse.move(x - side, y - side)
    mouse.down()
    for right, down in ((1, -1), (1, 1), (-1, 1)):
        mouse.move(x + right * side, y + down * side)
    mouse.up()
    labels_become(project, 0, box(14, 8))


def test_unreadable_frame_is_reported(page, tmp_path):
    (tmp_path / "clip/00006.png").write_bytes(b"no picture")
    person = Person(page, SIZE)
    with page.expect_response(lambda response: "api/thumbnails/7?" in response.url):
        page.get_by_role("button", name="clip").click()
    page.locator("#opener").wait_for(state="hidden")
    box = person.page.locator("#timeline").bounding_box()
    person.page.mouse.click(box["x"] + box["width"] * 6.5 / COUNT, box["y"] + 5)
    person.sees("#hint", "00006.png")


def asks_before_closing(person):
    """Whether the browser would ask before it closes the tab."""
    return person.page.evaluate(
        """() => {
          const event = new Event("beforeunload", { cancelable: true });
          dispatchEvent(event);
          return event.defaultPrevented; }"""
    )


def test_step_and_playback_pass_an_unreadable_frame(person, project, tmp_path):
    (tmp_path / "clip/00006.png").write_bytes(b"no picture")
    person.go_to(6)
    person.press(".")
    person.sees("#hint", "00006.png")
    person.press(".")
    person.sees("#place", "frame 8 of")
    with person.page.expect_response(lambda response: "api/frames/6?" in response.url):
        person.press(",")
    person.press(",")
    person.sees("#place", "frame 6 of")
    person.press("Home")
    person.sees("#place", "frame 1 of")
    person.press(" ")
    person.sees("#place", "frame 6 of")
    person.sees("#play", "Play")


def test_step_while_an_unreadable_frame_is_loading(person, project, tmp_path):
    (tmp_path / "clip/00006.png").write_bytes(b"no picture")
    person.go_to(6)
    person.press_at_once(".", ".")  # the second before the frame of the first has failed to load
    person.sees("#place", "frame 8 of")


def test_edit_that_cannot_be_saved(person, project, workspace):
    fail = {"status": 500, "body": "{}"}
    intercept(
        *(person.page, "**/api/masks/*&trusted=*", lambda route: route.fulfill(**fail)), times=1
    )
    person.lasso(5, 4, 13, 12)
    person.sees("#saved", "Not saved")
    assert asks_before_closing(person)
    person.go_to(2)
    with response_to(person.page, "**/api/project"):
        workspace.events.publish({"type": "reload"})
    person.press("Home")
    person.sees("#place", "frame 1 of")
    timeline = person.page.locator("#timeline")
    expect(timeline).to_have_attribute("aria-valuetext", "frame 1 of 8, trusted")
    person.sees("#saved", "Not saved")
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20))
    person.sees("#saved", "Saved")
    assert not asks_before_closing(person)


def test_frame_without_an_object_that_was_predicted_can_be_trusted(person, project):
    project.save_predicted(1, np.zeros(SIZE, np.uint8), {1: Prediction("a")})
    person.page.reload()
    person.sees("#place", "of 8")
    person.go_to(2)
    person.can_draw()
    person.press("t")
    wait_until(lambda: list(project.trusted.get(1, ())) == [1])


def test_found_mask_that_equals_the_prediction_is_trusted(person, project):
    person.lasso(5, 4, 13, 12)
    person.page.locator("#follow").uncheck()
    person.go_to(2)
    project.save_predicted(1, box(5), {1: Prediction("a", 0.9)})
    person.page.reload()
    person.sees("#place", "of 8")
    person.go_to(2)
    person.can_draw()
    person.press("c")  # the same mask as in the previous frame
    wait_until(lambda: 1 in project.trusted)
    person.press("Control+z")
    wait_until(lambda: 1 not in project.trusted)


def test_trust_applies_to_the_frame_that_is_being_loaded(person, project):
    person.lasso(5, 4, 13, 12)
    person.page.locator("#follow").uncheck()
    person.propagate()
    person.press_at_once(".", "t")
    wait_until(lambda: 1 in project.trusted)
    assert list(project.trusted) == [0, 1]


def test_trust_applies_to_the_mask_that_was_just_computed(person, project):
    person.lasso(5, 4, 13, 12)
    person.page.locator("#follow").uncheck()
    person.go_to(2)
    held = Held(person.page, "api/masks/1?")
    person.propagate()
    held.wait()
    person.press("t")
    held.release()
    wait_until(lambda: 1 in project.trusted)
    np.testing.assert_array_equal(project.mask(1), box(6))


def test_trust_during_a_stroke_is_ignored(person, project):
    saved = []
    person.page.on("request", lambda sent: saved.append(sent) if sent.method == "PUT" else None)
    begin_stroke(person)
    person.press("t", "Escape")
    person.page.mouse.up()
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5))
    person.sees("#saved", "Saved")
    assert len(saved) == 1


def begin_stroke(person):
    person.press("b")
    person.page.mouse.move(*person.place(20, 20))
    person.page.mouse.down()
    person.page.mouse.move(*person.place(30, 20))


def test_stroke_keeps_the_object_with_which_it_began(person, project):
    begin_stroke(person)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.page.mouse.move(*person.place(40, 20))
    person.page.mouse.up()
    wait_until(lambda: project.mask(0)[20, 38] == 1)
    assert set(project.mask(0).ravel()) == {0, 1}
    held = Held(person.page, "api/objects?", "POST")
    person.press("n")
    held.wait()
    before = project.mask(0)
    person.lasso(5, 4, 13, 12)
    person.sees("#hint", "being added")
    held.release()
    person.sees("#objects li.current", "3")
    person.lasso(34, 4, 42, 12)
    labels_become(project, 0, before | box(34, value=3))


def test_undo_during_a_run(person, project, workspace, monkeypatch):
    step, stopped = Segmenter.step, workspace.session.propagator._stop

    def endless(segmenter, frame):
        if 2 in project.predicted:
            stopped.wait(60)
        return step(segmenter, frame)

    monkeypatch.setattr(Segmenter, "step", endless)
    person.lasso(5, 4, 13, 12)
    expect(person.page.locator("#forward")).to_be_enabled()
    held = Held(person.page, "api/frames/2?")  # a frame that was just computed is being loaded
    person.press("f")
    held.wait()
    wait_until(lambda: 2 in project.predicted)
    person.press("Control+z")
    held.release()
    wait_until(lambda: not project.trusted)
    person.sees("#run", "Stopped after")


def test_two_edits_in_another_frame_are_undone_at_once(person, project):
    person.lasso(5, 4, 13, 12)
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20))
    person.go_to(5)
    person.press_at_once("Control+z", "Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    assert project.trusted == {}


def test_drawing_while_an_object_is_being_deleted(person, project):
    person.lasso(5, 4, 13, 12)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20, value=2))
    held = Held(person.page, "api/objects/1", "DELETE")
    delete_first(person)
    held.wait()
    person.lasso(34, 4, 42, 12)
    held.release()
    labels_become(project, 0, box(20, value=2) | box(34, value=2))
    assert list(project.objects) == [2]


def test_frames_are_shown_while_an_object_is_being_deleted(person, project):
    person.press("n")
    person.sees("#objects li.current", "2")
    project.save_drawn(1, box(5) | box(20, value=2), [1, 2])
    held = Held(person.page, "api/objects/1", "DELETE")
    delete_first(person)
    held.wait()
    person.go_to(2)
    person.lasso(34, 4, 42, 12)
    held.release()
    labels_become(project, 1, box(20, value=2) | box(34, value=2))


def test_confidence_of_an_object_that_is_being_deleted(person, workspace):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.page.locator("#follow").uncheck()
    held = Held(person.page, "api/objects/1", "DELETE")
    delete_first(person)
    held.wait()
    workspace.events.publish({"type": "frame", "index": 3, "confidence": {1: 0.1, 2: 0.95}})
    expect(person.page.locator("#doubtful")).to_be_enabled()
    person.press("d")
    person.sees("#hint", "There are no doubtful frames elsewhere.")
    held.release()


def delete_first(person):
    person.page.get_by_label("Delete object 1").click()
    person.page.get_by_role("button", name="Delete", exact=True).click()


def test_object_is_deleted_by_another_page_during_a_stroke(person, project, workspace):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(16, 16, 24, 24)
    labels_become(project, 0, box(16, 16, value=2))
    person.press("1")
    begin_stroke(person)
    project.delete_object(2)
    with mask_is_received(person):
        workspace.events.publish({"type": "reload"})
    person.page.mouse.up()
    wait_until(lambda: 0 in project.trusted)
    assert set(project.trusted[0]) == {1}
    person.press("Control+z")
    wait_until(lambda: not project.trusted)
    assert not project.mask(0).any()


def test_two_objects_are_added_in_quick_succession(person):
    held = Held(person.page, "api/project")
    person.press("n")
    held.wait()
    without_the_third = held.routes[0].fetch()
    with person.page.expect_response(lambda response: "api/objects?" in response.url):
        person.press("n")
    is_rendered(person)
    held.release(response=without_the_third)
    expect(person.page.locator("#objects li")).to_have_count(3)
    person.sees("#objects li.current", "3")


def test_reload_while_a_frame_is_being_loaded(person, workspace):
    held = Held(person.page, "api/frames/7?")
    person.press("End")
    held.wait()
    with response_to(person.page, "**/api/project"):
        workspace.events.publish({"type": "reload"})
    with person.page.expect_response(lambda response: "api/masks/7?" in response.url):
        held.release()  # the frame is shown, and loaded again
    person.sees("#place", "frame 8 of")


def test_reload_while_an_edit_is_being_saved(person, workspace):
    person.page.locator("#follow").uncheck()
    held = Held(person.page, "api/masks/0?", "PUT")
    person.lasso(5, 4, 13, 12)
    held.wait()
    workspace.events.publish({"type": "reload"})
    publish_doubtful_frame(person, workspace)  # so the page knows of the reload, too
    with person.page.expect_response("**/api/project"):
        held.release()
    is_rendered(person)
    assert "Draw around" not in person.page.inner_text("#hint")


def test_frame_is_computed_during_a_reload(person, workspace):
    person.page.locator("#follow").uncheck()
    held = Held(person.page, "api/project")
    workspace.events.publish({"type": "reload"})
    held.wait()
    without_the_frame = held.routes[0].fetch()
    publish_doubtful_frame(person, workspace)
    with person.page.expect_response(lambda response: "api/masks/0?" in response.url):
        held.release(response=without_the_frame)
    is_rendered(person)
    assert person.page.locator("#doubtful").is_enabled()


def test_reload_during_a_stroke(person, project, workspace):
    begin_stroke(person)
    with mask_is_received(person):
        workspace.events.publish({"type": "reload"})
    person.page.mouse.up()
    wait_until(lambda: project.mask(0)[20, 25] == 1)


def publish_doubtful_frame(person, workspace):
    workspace.events.publish({"type": "frame", "index": 3, "confidence": {1: 0.1}})
    expect(person.page.locator("#doubtful")).to_be_enabled()


def is_rendered(person):
    """Wait until the page shows everything that it has received."""
    person.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


@contextlib.contextmanager
def mask_is_received(person):
    """Wait until the page has requested and received the mask of the first frame."""
    with response_to(person.page, lambda response: "api/masks/0?" in response.url) as received:
        yield
    received.value.finished()
    # Once the answer to a later request is there, it has processed this one.
    person.page.evaluate("async () => { await (await fetch('api/masks/0')).arrayBuffer(); }")
    is_rendered(person)


def test_another_video_is_opened_during_a_stroke(person, workspace, tmp_path):
    make_frames(tmp_path / "other", 3)
    begin_stroke(person)
    workspace.open_name("other")
    person.sees("#place", "frame 1 of 3")
    person.page.mouse.up()
    person.press("n")
    person.sees("#objects li.current", "1")
    person.lasso(5, 4, 13, 12)
    labels_become(workspace.session.project, 0, box(5))


def test_edit_of_a_video_that_is_no_longer_open(person, workspace, tmp_path):
    make_frames(tmp_path / "other", COUNT)
    held = Held(person.page, "api/project")
    workspace.open_name("other").project.add_object()
    held.wait()
    person.lasso(5, 4, 13, 12)
    person.sees("#hint", "other was opened in the meantime.")
    assert not workspace.session.project.mask(0).any()
    held.release()
    person.sees("#name", "other")
    expect(person.page.locator("#saved")).to_be_empty()


def test_another_video_is_opened_before_a_deletion_is_confirmed(person, workspace, tmp_path):
    make_frames(tmp_path / "other", 3)
    clip = workspace.session.project
    person.page.get_by_label("Delete object 1").click()
    drop(person.page, "other.mp4")
    expect(person.page.locator("#opener")).to_be_hidden()
    workspace.open_name("other").project.add_object()
    workspace.events.publish({"type": "reload"})
    person.sees("#place", "frame 1 of 3")
    person.page.get_by_role("button", name="Delete", exact=True).click()
    person.press("n")
    person.sees("#objects li.current", "2")
    assert list(workspace.session.project.objects) == [1, 2]
    assert list(clip.objects) == [1]


def test_two_pages_do_not_overwrite_each_other(person, workspace, project, browser):
    person.press("n")
    person.sees("#objects li.current", "2")
    with new_page(browser, person.page.url) as page:
        second = Person(page, SIZE)
        second.sees("#place", "frame 1 of 8")
        second.can_draw()
        wait_until(lambda: len(workspace.events._queues) == 2)
        second.press("1")
        begin_stroke(second)  # object 1, from x = 8 and y = 8 on
        with mask_is_received(second):
            person.lasso(5, 4, 13, 12)  # object 2
        page.mouse.up()
        wait_until(lambda: set(project.trusted[0]) == {1, 2})
        assert set(np.unique(project.mask(0))) == {0, 1, 2}
        second.press("Control+z")
        wait_until(lambda: set(project.trusted[0]) == {2})
        assert set(np.unique(project.mask(0))) == {0, 2}


def test_frame_is_reloaded(empty_page):
    """A slow reload shows no preview, and a stroke does not keep it from being sharper."""
    found = empty_page.evaluate(
        """async () => {
          const { App } = await import("./js/app.js");
          let previews = 0;
          const picture = { width: 2, height: 2 };
          const app = new App({
            summary: { video: { count: 1 } },
            mask: async () => new Uint8Array(1),
            picture: () => new Promise(done => setTimeout(done, 400, picture)),
            thumbnail: async () => ++previews,
          });
          app.video = { count: 1 };
          app.picture = { width: 1, height: 1 };
          const shown = app.goTo(0, true);
          setTimeout(() => (app.drawing = true), 300);
          await shown;
          return [previews, app.picture.width]; }"""
    )
    assert found == [0, 2]


def test_undo_keeps_what_others_have_changed(empty_page):
    undone = empty_page.evaluate(
        """import("./js/history.js").then(({ History }) => {
          const history = new History();
          const box = { left: 0, top: 0, right: 2, bottom: 2 };
          const [before, after] = [Uint8Array.of(2, 0, 0, 0), Uint8Array.of(1, 0, 0, 1)];
          const marks = { trustedBefore: new Set([2]), trustedAfter: new Set([1]) };
          history.add({ box, before, after, ...marks });
          const labels = Uint8Array.of(1, 0, 3, 3);
          const trusted = history.step(true, labels, 2, new Set([1, 3]));
          return [...labels, ...trusted]; })"""
    )
    assert undone == [2, 0, 3, 3, 3, 2]


def test_dialog_stays_until_the_video_is_shown(page):
    page.locator("#opener").wait_for()  # the page has loaded the project
    held = Held(page, "api/project")
    with page.expect_response("**/api/open"):
        page.get_by_role("button", name="clip").click()
    held.wait()
    expect(page.locator("#opener")).to_be_visible()
    held.release()
    page.locator("#opener").wait_for(state="hidden")


def test_slow_frame_that_cannot_be_loaded(person):
    held = Held(person.page, "api/frames/7?")
    person.press("End")
    held.wait()
    view = person.page.locator("#view")
    expect(view).to_have_attribute("aria-busy", "true")  # a preview is shown
    held.release(status=500, body="{}")
    expect(view).to_have_attribute("aria-busy", "false")


def test_playback_that_is_paused_and_resumed_at_once(empty_page):
    resumed = empty_page.evaluate(
        """async () => {
          const { App } = await import("./js/app.js");
          const app = new App({});
          app.video = { count: 8, fps: 1e6 };
          let frames = 0;
          app.goTo = async () => ++frames === 20 && app.set({ playing: false });
          const first = app.play();
          app.play();
          app.play();
          await first;
          const { playing } = app;
          app.playing = false;
          return playing; }"""
    )
    assert resumed


def test_problem_that_occurs_again_is_shown_as_long(person):
    clock, hint = person.page.clock, person.page.locator("#hint")
    clock.install(time=0)
    clock.pause_at(1000)
    for _ in range(2):
        person.press("m")
        clock.run_for(5000)  # milliseconds
        expect(hint).to_contain_text("No frame is trusted yet.")
    clock.run_for(2000)
    expect(hint).not_to_contain_text("No frame is trusted yet.")


def test_new_object_is_shown_although_its_id_was_hidden(person, project):
    person.page.get_by_role("button", name="Hide").click()
    person.sees("#objects", "Show")
    person.page.get_by_label("Delete object 1").click()
    person.page.get_by_role("button", name="Delete", exact=True).click()
    person.sees("#hint", "Add an object")
    person.press("n")
    person.sees("#objects", "Hide")


def test_second_click_does_not_open_the_video_again(page, workspace, monkeypatch):
    opened = []
    original = workspace.open_name

    def open_name(name):
        opened.append(name)
        time.sleep(0.5)
        return original(name)

    monkeypatch.setattr(workspace, "open_name", open_name)
    page.get_by_role("button", name="clip").dblclick()
    expect(page.locator("#open-error")).to_contain_text("Opening clip")
    page.locator("#opener").wait_for(state="hidden")
    assert opened == ["clip"]


@pytest.mark.parametrize(
    ("confidence", "frames", "expected"),
    [
        ({1: 0.9, 3: 0.6, 4: 0.3, 5: 0.5, 8: 0.2}, [0, 4, 6, 8], [4, 8, 8, 4]),
        ({3: 0.6, 4: 0.3, 5: 0.5}, [0, 3, 4, 5, 6], [4, None, None, None, 4]),
    ],
)
def test_next_doubtful_frame(empty_page, confidence, frames, expected):
    found = empty_page.evaluate(
        """([marks, frames]) => import('./js/marks.js').then(m => {
          const all = new m.Marks(marks);
          return frames.map(i => all.nextDoubtful(i) ?? null); })""",
        [
            {
                "confidence": {index: {1: sure, 2: 0.95} for index, sure in confidence.items()},
            },
            frames,
        ],
    )
    assert found == expected


def test_doubt_about_one_object_beside_a_trusted_one(empty_page):
    found = empty_page.evaluate(
        """import('./js/marks.js').then(({ Marks }) => {
          const confidence = { 3: { 2: 0.5, 4: 0.4 }, 4: { 2: 0.9 } };
          const marks = new Marks({ trusted: { 3: [1] }, confidence });
          const found = [marks.kind(3), marks.worst(3), marks.kind(4)];
          marks.predict(3, { 1: 0.1, 2: 0.5, 4: 0.8 }); // computed before object 1 was trusted
          found.push(marks.worst(3));
          marks.trust(3, new Set([1, 2]));
          found.push(marks.kind(3));
          marks.forget(4);
          found.push(marks.kind(3), marks.worst(3));
          return found; })"""
    )
    assert found == ["poor", [4, 0.4], "good", [2, 0.5], "fair", "trusted", []]


def test_doubtful_object_is_selected(person, workspace):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.page.locator("#follow").uncheck()
    confidence = {1: 0.314, 2: 0.95}
    workspace.events.publish({"type": "frame", "index": 3, "confidence": confidence})
    expect(person.page.locator("#doubtful")).to_be_enabled()
    expect(person.page.locator(".sure")).to_have_text(["", ""])
    person.press("d")
    person.sees("#place", "frame 4 of")
    person.sees("#objects li.current .number", "1")
    expect(person.page.locator(".sure")).to_have_text(["31 %", "95 %"])


def test_doubtful_frames_have_a_high_bar(person, workspace):
    """Their colour is not the only cue."""
    person.page.locator("#follow").uncheck()
    for index, sure in ((3, 0.1), (5, 0.9)):
        workspace.events.publish({"type": "frame", "index": index, "confidence": {1: sure}})

    def is_painted(index, up):  # in CSS pixels from the lower edge
        return person.page.locator("#timeline").evaluate(
            """(canvas, [index, up]) => {
              const ratio = canvas.height / canvas.clientHeight;
              const [x, y] = [((index + 0.5) * canvas.width) / 8, canvas.height - up * ratio];
              return canvas.getContext("2d").getImageData(x, y, 1, 1).data[3] > 0; }""",
            [index, up],
        )

    wait_until(lambda: is_painted(3, 18) and is_painted(3, 6) and is_painted(5, 6))
    assert not is_painted(5, 18)


def begin_run(person):
    person.lasso(5, 4, 13, 12)
    expect(person.page.locator("#forward")).to_be_enabled()
    person.press("f")
    person.sees("#place", "frame 4 of")


def test_run_is_not_followed_after_going_elsewhere(person, gate):
    begin_run(person)
    person.press("Home")
    person.sees("#place", "frame 1 of")
    gate.set()
    person.sees("#run", "Done: 7 frames.")
    is_rendered(person)
    assert person.page.inner_text("#place") == "frame 1 of 8"
    person.go_to(6)
    person.press("o", "Home")
    person.sees("#place", "frame 1 of")
    person.lasso(20, 4, 28, 12)
    person.propagate(said="Done: 5 frames.")
    person.sees("#place", "frame 6 of")


def test_reload_during_a_run_after_going_elsewhere(person, gate):
    begin_run(person)
    person.press("Home")
    person.sees("#place", "frame 1 of")
    person.page.reload()
    person.sees("#place", "frame 1 of")
    gate.set()
    person.sees("#run", "Done: 7 frames.")
    is_rendered(person)
    assert person.page.inner_text("#place") == "frame 1 of 8"


def test_run_is_followed_after_keys_without_effect(person, gate):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.press("1")
    begin_run(person)
    person.press("2", "c")
    person.sees("#hint", "The previous frame lacks the selected object.")
    gate.set()
    person.sees("#run", "Done: 7 frames.")
    person.sees("#place", "frame 8 of")


def test_frame_that_is_edited_during_a_run_stays(person, project, gate):
    begin_run(person)
    person.lasso(20, 20, 28, 28)
    wait_until(lambda: 3 in project.trusted)
    gate.set()
    person.sees("#run", "Stopped after 4 frames.")
    person.press(",")
    person.sees("#place", "frame 3 of")


def test_run_that_is_requested_while_another_one_is_ending(person, project, workspace, monkeypatch):
    gate = hold_after(2, project, monkeypatch)
    person.lasso(5, 4, 13, 12)
    expect(person.page.locator("#forward")).to_be_enabled()
    person.press("f")
    wait_until(lambda: 2 in project.predicted)
    person.sees("#run", "2 of 7")
    person.press("f")
    person.sees("#hint", "press S to stop it")
    person.press("s", "f")
    wait_until(workspace.session.propagator._stop.is_set)
    gate.set()
    person.sees("#run", "Done: 4 frames.")
    assert [left_of(project, i) for i in range(COUNT)] == list(range(5, 13))


def test_nothing_to_compute_after_the_last_frame(person, project):
    person.lasso(5, 4, 13, 12)
    person.sees("#hint", "Press F to track it through the video.")
    person.press("Control+z")
    wait_until(lambda: not project.trusted)
    person.press("End")
    person.sees("#place", "frame 8 of")
    person.lasso(20, 4, 28, 12)
    person.sees("#hint", "Press R to track it through the video (F: only forward).")
    person.propagate(said="Nothing left to compute in this direction")
    person.propagate("r", said="Done: 7 frames.")


def test_erasing_changes_only_the_selected_object(person, project):
    person.lasso(5, 4, 13, 12)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20, value=2))
    person.press("g")
    person.page.keyboard.down("Alt")
    person.click(9, 8)  # object 1
    person.page.keyboard.up("Alt")
    person.press("l")
    person.page.keyboard.down("Alt")
    person.drag((2, 2), (24, 2), (24, 14), (2, 14))
    person.page.keyboard.up("Alt")
    right = np.arange(SIZE[1]) >= 24
    labels_become(project, 0, box(5) | box(20, value=2) * right)
    person.press("e")
    person.drag((9, 8), (26, 8))
    wait_until(lambda: project.mask(0)[8, 26] == 0)
    np.testing.assert_array_equal(project.mask(0) == 1, box(5))


def test_drawing_shows_the_selected_object(person, project):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.press("v")
    expect(person.page.get_by_role("button", name="Show object")).to_have_count(2)
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5, value=2))
    expect(person.page.get_by_role("button", name="Hide object 2")).to_be_visible()
    expect(person.page.get_by_role("button", name="Show object 1")).to_be_visible()


def test_polygon_shows_the_object_with_which_it_began(person, project):
    person.press("n")
    person.sees("#objects li.current", "2")
    person.press("1", "p")
    person.click(5, 4)
    person.press("2", "v")
    expect(person.page.get_by_role("button", name="Show object")).to_have_count(2)
    for corner in ((13, 4), (13, 12), (5, 12)):
        person.click(*corner)
    person.press("Enter")
    labels_become(project, 0, box(5))
    expect(person.page.get_by_role("button", name="Hide object 1")).to_be_visible()
    expect(person.page.get_by_role("button", name="Show object 2")).to_be_visible()


def test_rectangle(person, project):
    person.press("u")
    person.drag((20, 20), (9, 9), (5, 4), (13, 12))
    labels_become(project, 0, corner_box(13, 12, 20, 20))


def draw_box(person, left, top, right, bottom):
    person.can_draw()
    person.press("j")
    person.drag((left, top), (right, bottom))


def found_in(left, top, right, bottom):
    """What the finder finds in a box."""
    return ellipse_in(box_trimap(SIZE, (left, top, right - left, bottom - top)))


def scribble(person, y, is_object=True):
    """Draw a horizontal stroke, 4 pixels high, around x = 20."""
    person.page.locator("#size").fill("4")
    person.page.locator("#stage").focus()
    person.press("k")
    if not is_object:
        person.page.keyboard.down("Alt")
    person.drag((15, y), (25, y))
    person.page.keyboard.up("Alt")


def marks_at(trimap, *ys):
    return [float(trimap[y, 20]) for y in ys]


def test_box_in_which_the_model_finds_the_object(person, project, finder):
    draw_box(person, 8, 4, 30, 22)
    labels_become(project, 0, found_in(8, 4, 30, 22))
    np.testing.assert_array_equal(finder.trimaps, [box_trimap(SIZE, (8, 4, 22, 18))])
    assert set(project.trusted[0]) == {1}
    person.sees("#saved", "Saved")
    person.press("Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    assert project.trusted == {}
    person.press("Control+Shift+z")
    labels_become(project, 0, found_in(8, 4, 30, 22))


def test_found_mask_replaces_that_of_the_object_and_covers_others(person, project):
    person.lasso(5, 4, 13, 12)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20, value=2))
    person.press("1")
    draw_box(person, 22, 2, 40, 20)
    found = found_in(22, 2, 40, 20)
    labels_become(project, 0, np.where(found, 1, box(20, value=2)))
    assert set(project.trusted[0]) == {1, 2}


def test_scribbles_add_up(person, project, finder):
    scribble(person, 8)
    wait_until(lambda: finder.trimaps)
    labels_become(project, 0, ellipse_in(finder.trimaps[0]))
    assert marks_at(finder.trimaps[0], 0, 8, 16, 24) == [0.5, 1, 0.5, 0.5]
    for y, is_object in ((16, True), (24, False)):
        scribble(person, y, is_object)
        wait_until(lambda y=y: finder.trimaps[-1][y, 20] != 0.5)
        labels_become(project, 0, ellipse_in(finder.trimaps[-1]))
    assert len(finder.trimaps) == 3
    assert marks_at(finder.trimaps[1], 0, 8, 16, 24) == [0.5, 1, 1, 0.5]
    assert marks_at(finder.trimaps[2], 0, 8, 16, 24) == [0.5, 1, 1, 0]
    assert set(project.trusted[0]) == {1}


def test_scribbles_in_a_box(person, project, finder):
    draw_box(person, 8, 4, 30, 22)
    labels_become(project, 0, found_in(8, 4, 30, 22))
    scribble(person, 8)
    wait_until(lambda: len(finder.trimaps) == 2)
    labels_become(project, 0, ellipse_in(finder.trimaps[1]))
    assert marks_at(finder.trimaps[1], 2, 8, 16, 28) == [0, 1, 0.5, 0]
    draw_box(person, 10, 4, 30, 22)  # starts again
    labels_become(project, 0, found_in(10, 4, 30, 22))


def test_click_with_the_box_changes_nothing(person, project, finder):
    draw_box(person, 8, 4, 30, 22)
    labels_become(project, 0, found_in(8, 4, 30, 22))
    person.press("j")
    person.click(20, 12)
    person.sees("#hint", "Nothing found there; draw a larger box.")
    scribble(person, 8)
    wait_until(lambda: len(finder.trimaps) == 2)
    labels_become(project, 0, ellipse_in(finder.trimaps[1]))
    assert marks_at(finder.trimaps[1], 2, 8, 16, 28) == [0, 1, 0.5, 0]


def test_scribbles_are_forgotten(person, project, finder):
    person.press("n")
    person.sees("#objects li.current", "2")

    def undo():
        person.press("Control+z")
        wait_until(lambda: not project.trusted)

    def go_elsewhere():
        for frame in (2, 1):
            person.go_to(frame)

    def select_another_object():
        person.press("1", "2")

    for action in (undo, go_elsewhere, select_another_object):
        finder.trimaps.clear()
        scribble(person, 8)
        wait_until(lambda: finder.trimaps)
        person.sees("#saved", "Saved")
        action()
        scribble(person, 16)
        wait_until(lambda: len(finder.trimaps) == 2)
        assert marks_at(finder.trimaps[1], 8, 16) == [0.5, 1], action
        labels_become(project, 0, 2 * ellipse_in(finder.trimaps[1]))


def test_scribble_beside_the_object_first(person, project, finder):
    scribble(person, 24, is_object=False)
    person.sees("#hint", "Draw a stroke on the object, too, without Alt.")
    scribble(person, 8)
    wait_until(lambda: finder.trimaps)
    labels_become(project, 0, ellipse_in(finder.trimaps[0]))
    assert marks_at(finder.trimaps[0], 8, 16, 24) == [1, 0.5, 0]
    assert len(finder.trimaps) == 1


def test_scribble_is_shown_while_it_is_drawn(person):
    person.page.locator("#size").fill("4")
    person.page.locator("#stage").focus()

    def brightness():  # in the middle of the stroke
        is_rendered(person)
        return person.page.locator("#view").evaluate(
            """(canvas, [x, y]) => {
              const { left, top, width } = canvas.getBoundingClientRect();
              const ratio = canvas.width / width;
              const place = [(x - left) * ratio, (y - top) * ratio];
              return canvas.getContext("2d").getImageData(...place, 1, 1).data[0]; }""",
            person.place(15, 20),
        )

    person.press("k")
    before = brightness()
    seen = []
    for alt in (False, True):
        if alt:
            person.page.keyboard.down("Alt")
        person.page.mouse.move(*person.place(10, 20))
        person.page.mouse.down()
        person.page.mouse.move(*person.place(20, 20))
        seen.append(brightness())
        person.page.keyboard.up("Alt")
        person.press("Escape")
        person.page.mouse.up()
    assert seen[1] < before < seen[0]
    assert brightness() == before


def answered(person, finder):
    """Let the finder answer, and wait until the page has received that."""
    with response_to(person.page, lambda response: "api/find/" in response.url) as received:
        finder.gate.set()
    received.value.finished()
    is_rendered(person)


def test_mask_that_is_found_after_going_elsewhere(person, project, held_finder):
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.sees("#hint", "Finding the object")
    person.press(".")
    person.sees("#place", "frame 2 of")
    person.sees("#hint", "The mask was dropped")
    person.lasso(5, 4, 13, 12)  # the page does not wait
    labels_become(project, 1, box(5))
    answered(person, held_finder)
    person.sees("#saved", "Saved")
    assert list(project.trusted) == [1]
    np.testing.assert_array_equal(project.mask(1), box(5))


def test_mask_that_is_found_after_another_video_was_opened(
    person, workspace, held_finder, tmp_path
):
    make_frames(tmp_path / "other", 3)
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    workspace.open_name("other").project.add_object()
    person.sees("#place", "frame 1 of 3")
    person.sees("#hint", "The mask was dropped")
    answered(person, held_finder)
    person.lasso(5, 4, 13, 12)
    labels_become(workspace.session.project, 0, box(5))


def test_mask_that_is_found_after_an_edit(person, project, held_finder):
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.lasso(34, 4, 42, 12)
    labels_become(project, 0, box(34))
    answered(person, held_finder)
    person.sees("#hint", "The mask was dropped")
    person.press("Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))


def test_mask_that_is_found_after_undo(person, project, held_finder):
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5))
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.press("Control+z")
    person.sees("#hint", "The mask was dropped")
    answered(person, held_finder)
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    expect(person.page.locator("#undo")).to_be_disabled()


def test_mask_that_is_found_while_a_polygon_is_drawn(person, project, held_finder):
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.press("p")
    for corner in ((5, 4), (13, 4), (13, 12)):
        person.click(*corner)
    answered(person, held_finder)
    person.sees("#hint", "The mask was dropped")
    person.click(5, 12)
    person.press("Enter")
    labels_become(project, 0, box(5))


def test_mask_that_is_found_during_a_scribble(person, project, held_finder):
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.press("k")
    person.page.mouse.move(*person.place(15, 8))
    person.page.mouse.down()
    answered(person, held_finder)
    person.page.mouse.move(*person.place(25, 8))
    assert not project.trusted
    assert "dropped" not in person.page.inner_text("#hint")
    person.page.mouse.up()
    wait_until(lambda: len(held_finder.trimaps) == 2)
    labels_become(project, 0, ellipse_in(held_finder.trimaps[1]))
    assert marks_at(held_finder.trimaps[1], 8, 28) == [1, 0]


def test_cancelled_scribble_says_what_it_drops(person, project, held_finder):
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    person.press("k")
    person.page.mouse.move(*person.place(15, 8))
    person.page.mouse.down()
    person.press("Escape")
    person.sees("#hint", "The mask was dropped")
    person.page.mouse.up()
    answered(person, held_finder)
    assert not project.trusted


def test_box_in_a_frame_that_the_model_changes_meanwhile(person, project, workspace):
    person.press("j")
    person.page.mouse.move(*person.place(8, 4))
    person.page.mouse.down()
    project.save_predicted(0, box(30, 20), {1: Prediction("00003:0", 0.9)})
    workspace.events.publish({"type": "frame", "index": 0, "confidence": {1: 0.9}})
    person.sees("#objects .sure", "90")
    person.page.mouse.move(*person.place(30, 22))
    person.page.mouse.up()
    labels_become(project, 0, found_in(8, 4, 30, 22))


def test_only_the_last_box_counts(person, project, held_finder):
    boxes = [(8, 4, 30, 22), (10, 4, 30, 22), (12, 4, 30, 22)]
    for corners in boxes:
        draw_box(person, *corners)
        wait_until(lambda: held_finder.trimaps)
    held_finder.gate.set()
    labels_become(project, 0, found_in(*boxes[2]))
    found = [ellipse_in(trimap) for trimap in held_finder.trimaps]
    np.testing.assert_array_equal(found, [found_in(*boxes[0]), found_in(*boxes[2])])
    person.press("Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    expect(person.page.locator("#undo")).to_be_disabled()


def test_box_during_a_run(person, project, held_finder, gate):
    begin_run(person)
    draw_box(person, 8, 4, 30, 22)
    wait_until(lambda: held_finder.trimaps)
    gate.set()
    person.sees("#run", "Done: 7 frames.")
    is_rendered(person)
    assert person.page.inner_text("#place") == "frame 4 of 8"
    held_finder.gate.set()
    labels_become(project, 3, found_in(8, 4, 30, 22))


def test_nothing_is_found(person, project, finder, monkeypatch):
    monkeypatch.setattr(finder, "find", lambda frame, trimap: trimap > 1)
    person.lasso(5, 4, 13, 12)
    draw_box(person, 8, 4, 30, 22)
    person.sees("#hint", "Nothing found there; draw a larger box.")
    np.testing.assert_array_equal(project.mask(0), box(5))
    monkeypatch.undo()
    draw_box(person, 10, 4, 30, 22)
    labels_become(project, 0, found_in(10, 4, 30, 22))
    is_rendered(person)
    assert "Nothing" not in person.page.inner_text("#hint")
    draw_box(person, 10, 4, 10, 4)
    person.sees("#hint", "Nothing found there; draw a larger box.")
    assert len(finder.trimaps) == 1


def test_finder_that_cannot_be_loaded(person, project, workspace, monkeypatch):
    def fail():
        raise InputError("it has no weights; train it.")

    monkeypatch.setattr(workspace.finder, "_load", fail)
    draw_box(person, 8, 4, 30, 22)
    person.sees("#hint", "the model that finds objects cannot be loaded: it has no weights")
    monkeypatch.undo()
    draw_box(person, 10, 4, 30, 22)
    labels_become(project, 0, found_in(10, 4, 30, 22))


def test_tools_with_which_the_model_finds_objects(person):
    for name, title in (("box", "Box: the model"), ("scribble", "Scribble: the model")):
        button = person.page.locator(f"[data-tool={name}]")
        expect(button).to_have_attribute("title", re.compile(title))
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    person.page.locator("#help").click()
    person.sees("#keys", "Box, scribble")


def test_copy_from_the_previous_frame(person, project):
    person.press("c")
    person.sees("#hint", "The previous frame lacks the selected object.")
    person.lasso(5, 4, 13, 12)
    person.go_to(2)
    person.lasso(30, 20, 38, 28)
    labels_become(project, 1, box(30, 20))
    person.page.get_by_role("button", name="Copy from previous frame").click()
    labels_become(project, 1, box(5))
    assert list(project.trusted) == [0, 1]
    person.press("Control+z")
    labels_become(project, 1, box(30, 20))
    held = Held(person.page, "api/masks/1?", "PUT")
    person.lasso(5, 20, 13, 28)
    held.wait()
    person.press_at_once(".", "c")  # before the last stroke is saved
    held.release()
    labels_become(project, 2, box(30, 20) | box(5, 20))


def test_copying_marks_only_the_objects_that_it_changes(person, project):
    project.add_object(), project.add_object()
    project.save_drawn(1, box(9, value=2) | box(30, 20, value=3), [])
    person.page.reload()
    expect(person.page.locator("#objects li")).to_have_count(3)
    person.lasso(5, 4, 13, 12)
    person.go_to(2)
    person.press("c")
    wait_until(lambda: 1 in project.trusted)
    assert set(project.trusted[1]) == {1, 2}
    left = box(9, value=2)
    left[box(5) > 0] = 1
    np.testing.assert_array_equal(project.mask(1), left | box(5) | box(30, 20, value=3))


def test_copy_onto_a_mask_that_was_just_computed(person, project, workspace):
    person.page.locator("#follow").uncheck()
    person.lasso(5, 4, 13, 12)
    person.go_to(2)
    previous, current = (Held(person.page, f"api/masks/{index}?") for index in (0, 1))
    person.press("c")
    previous.wait()
    workspace.events.publish({"type": "frame", "index": 1, "confidence": {}})
    current.wait()
    with person.page.expect_response(lambda response: "api/masks/0?" in response.url) as received:
        previous.release()
    received.value.finished()
    is_rendered(person)
    current.release()
    person.lasso(30, 20, 38, 28)
    labels_become(project, 1, box(30, 20))


def test_deleting_an_object_keeps_the_edits_of_others(person, project):
    person.lasso(5, 4, 13, 12)
    person.press("n")
    person.sees("#objects li.current", "2")
    person.lasso(20, 4, 28, 12)
    labels_become(project, 0, box(5) | box(20, value=2))
    person.page.get_by_label("Delete object 2").click()
    person.page.get_by_role("button", name="Delete", exact=True).click()
    labels_become(project, 0, box(5))
    person.press("Control+z")
    labels_become(project, 0, np.zeros(SIZE, np.uint8))
    expect(person.page.locator("#undo")).to_be_disabled()
    person.press("Control+Shift+z")
    labels_become(project, 0, box(5))
    assert set(project.trusted[0]) == {1}


def test_history_is_small_and_forgets_deleted_objects(empty_page):
    found = empty_page.evaluate(
        """import("./js/history.js").then(({ History }) => {
          const history = new History();
          const size = 1000;
          const box = { left: 0, top: 0, right: size, bottom: size };
          const [before, after] = [new Uint8Array(size * size), new Uint8Array(size * size)];
          after.fill(1, 1000, 3000);
          const drawn = (...ids) => ({ trustedBefore: new Set(), trustedAfter: new Set(ids) });
          history.add({ index: 0, box, before, after, ...drawn(1, 2) });
          const values = history.peek(true).before.length + history.peek(true).after.length;
          history.add({ index: 1, box, before, after: after.map(id => 2 * id), ...drawn(2) });
          history.add({ index: 2, box: null, ...drawn(2) }); // only marks
          history.add({ index: 3, box: null, ...drawn(1, 2) });
          history.forget([2]);
          const marks = [...history.peek(true).trustedAfter];
          const labels = after.slice();
          const left = [];
          while (history.canUndo) {
            left.push(history.peek(true).index);
            history.step(true, labels, size, new Set());
          }
          return [values, left, marks, labels.some(Boolean)]; })"""
    )
    assert found == [8, [3, 0], [1], False]


def test_edits_next_to_an_object_that_is_deleted(empty_page):
    found = empty_page.evaluate(
        """import("./js/history.js").then(({ History }) => {
          const history = new History();
          const states = [[0, 0, 2, 2], [1, 1, 2, 2], [0, 1, 1, 2]].map(s => Uint8Array.from(s));
          const box = { left: 0, top: 0, right: 4, bottom: 1 };
          const marks = { trustedBefore: new Set([1, 2]), trustedAfter: new Set([1, 2]) };
          history.add({ index: 0, box, before: states[0], after: states[1], ...marks });
          history.add({ index: 0, box, before: states[1], after: states[2], ...marks });
          history.forget([2]);
          const labels = Uint8Array.of(0, 1, 1, 0);
          return [true, true, false, false].map(back => {
            history.step(back, labels, 4, new Set());
            return [...labels];
          }); })"""
    )
    assert found == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]]


def test_run_that_waits_for_changes_is_stopped(empty_page):
    sent = empty_page.evaluate(
        """import("./js/runs.js").then(async ({ Runs }) => {
          const sent = [];
          let save;
          const video = { count: 3 };
          const backend = {
            propagate: async (_, __, how) => sent.push(how),
            stop: async () => sent.push("stop"),
          };
          const saved = new Promise(done => (save = done));
          const runs = new Runs({ video, backend, edits: { settle: () => saved } });
          runs.update({ state: "ready", revision: 1 });
          const first = runs.start("forward");
          await runs.stop();
          const both = [runs.start("backward"), runs.start("both")];
          save();
          await Promise.all([first, ...both]);
          return sent; })"""
    )
    assert sent == ["stop", "both"]


def test_frames_wait_for_no_edits(empty_page):
    found = empty_page.evaluate(
        """import("./js/edits.js").then(async ({ Edits }) => {
          let deleted;
          const labels = Uint8Array.of(1, 0, 0, 0);
          const app = { video: { width: 4 }, index: 5, labels, tell() {}, takeNewer() {} };
          app.objects = new Map([[1, {}]]);
          app.marks = { trustedIn: () => new Set(), trust() {} };
          app.runs = { running: false, ends() {} };
          app.backend = {
            deleteObject: () => new Promise(done => (deleted = done)),
            saveMask: async () => {},
            mask: async index => Uint8Array.of(index),
          };
          const edits = new Edits(app);
          const deleting = edits.deleteObject(2);
          edits.draw(all => { all[1] = 1; return { left: 0, top: 0, right: 4, bottom: 1 }; });
          // Although the drawing waits for the deletion:
          const [other, own] = [await edits.mask(6), await edits.mask(5)];
          deleted();
          await deleting;
          await edits.saved;
          return [other, own, await edits.mask(5)].map(mask => [...mask]); })"""
    )
    assert found == [[6], [1, 1, 0, 0], [5]]


def test_cancelled_stroke_does_not_restore_a_deleted_object(empty_page):
    labels = empty_page.evaluate(
        """import("./js/tools.js").then(({ TOOLS }) => {
          const labels = Uint8Array.of(2, 0, 0, 1);
          const objects = new Map([[1, {}], [2, {}]]);
          const app = { video: { width: 4, height: 1 }, brush: 1, object: 1, labels, objects };
          const stroke = TOOLS.brush.make(app, 1);
          stroke.down([1.5, 0.5]);
          objects.delete(2);
          labels[0] = 0;
          stroke.cancel();
          return [...labels]; })"""
    )
    assert labels == [0, 0, 0, 1]


def test_unfinished_polygon_stays_on_its_frame(person, project):
    person.press("p")
    person.click(5, 4)
    person.click(13, 4)
    person.press("ArrowRight")
    person.sees("#hint", "Finish the drawing first (Enter), or cancel it (Esc).")
    person.click(13, 12)
    person.press("Enter")
    wait_until(lambda: 0 in project.trusted)
    person.press("ArrowRight")
    person.sees("#place", "frame 2 of 8")


def test_drag_that_began_elsewhere_does_not_scrub(person):
    mouse, box = person.page.mouse, person.page.locator("#timeline").bounding_box()
    mouse.move(box["x"] + box["width"] / 2, box["y"] - 3)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    mouse.up()
    person.press("ArrowRight")  # whatever the drag asked for would have come before
    person.sees("#place", "frame 2 of 8")


def test_refused_name_is_taken_back(person, project):
    name = person.page.locator("#objects input[type=text]")
    before = name.input_value()
    held = Held(person.page, "api/objects/1", "PATCH")
    name.fill("dog")
    name.press("Enter")
    held.wait()
    held.release(status=400, json={"error": "No."})
    person.sees("#hint", "No.")
    expect(name).to_have_value(before)


def test_escape_takes_a_name_back(person, project):
    name = person.page.locator("#objects input[type=text]")
    name.fill("dog")
    name.press("Escape")
    expect(name).to_have_value("object 1")
    person.lasso(5, 4, 13, 12)
    labels_become(project, 0, box(5))
    assert project.objects[1].name == "object 1"


def test_requests_survive_a_change_of_networks(person, project):
    failed = []

    def fail_once(route):
        if route.request.method == "PUT" and not failed:
            failed.append(1)
            route.abort("connectionreset")
        else:
            route.continue_()

    intercept(person.page, re.compile("api/masks/0"), fail_once)
    person.lasso(5, 4, 13, 12)
    expect(person.page.locator("#saved")).to_have_text("Saved")  # lets Playwright handle the route
    labels_become(project, 0, box(5))
    assert failed == [1]


def test_export_sends_again_what_could_not_be_saved(person, project, monkeypatch):
    full = []

    def save(*arguments):
        if not full:
            full.append(1)
            raise OSError(28, "No space left on device")
        return Project.save_drawn(project, *arguments)

    monkeypatch.setattr(project, "save_drawn", save)
    person.lasso(5, 4, 13, 12)
    person.sees("#saved", "Not saved")
    person.page.get_by_role("button", name="Export").click()
    person.sees("#exported", "masks")
    person.sees("#saved", "Saved")
    labels_become(project, 0, box(5))


def test_settling_does_not_undo_a_later_edit(empty_page):
    sent = empty_page.evaluate(
        """import("./js/edits.js").then(async ({ Edits }) => {
          const sent = [];
          const labels = Uint8Array.of(0, 0, 0, 0);
          const app = { video: { width: 4 }, index: 5, labels, tell() {}, takeNewer() {} };
          Object.assign(app, { fail() {}, objects: new Map([[1, {}]]) });
          app.marks = { trustedIn: () => new Set(), trust() {} };
          app.runs = { running: false, ends() {} };
          let answer = async () => { throw new Error("The disk is full."); };
          app.backend = { saveMask: async (_, mask) => { sent.push([...mask]); await answer(); } };
          const edits = new Edits(app);
          const at = x => edits.draw(all => {
            all[x] = 1;
            return { left: 0, top: 0, right: 4, bottom: 1 };
          });
          at(0);
          await edits.saved;
          const problem = await edits.settle().catch(error => error.message);
          let go;
          answer = () => new Promise(done => (go = done));
          at(1);
          const settled = edits.settle();
          while (!go) await new Promise(done => setTimeout(done));
          go();
          await settled;
          return [problem, sent]; })"""
    )
    problem, masks = sent
    assert problem == "The mask of frame 6 could not be saved: The disk is full."
    assert masks == [[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]]


def test_keys_on_other_keyboards(empty_page):
    pressed = [
        {"key": "а", "code": "KeyF"},  # Russian
        {"key": "А", "code": "KeyF", "shiftKey": True},
        {"key": "я", "code": "KeyZ", "ctrlKey": True},
        {"key": "ν", "code": "KeyN"},  # Greek
        {"key": "a", "code": "KeyQ"},  # French: the letter counts
        {"key": "é", "code": "Digit2"},
        {"key": "[", "code": "Digit8", "ctrlKey": True, "altKey": True},  # German, AltGr
        {"key": "]", "code": "Digit6", "altKey": True},
        {"key": "[", "code": "BracketLeft", "metaKey": True},  # goes back in browsers
        {"key": "€", "code": "KeyE"},  # German and Polish, AltGr on Linux
        {"key": "µ", "code": "KeyM"},
        {"key": "ń", "code": "KeyN"},
        {"key": "c", "code": "KeyC", "ctrlKey": True},
        {"key": "c"},
    ]
    found = empty_page.evaluate(
        """pressed => import('./js/keys.js').then(
          ({ actionOf }) => pressed.map(event => actionOf(event) ?? null))""",
        pressed,
    )
    assert found == [
        *("forward", "backward", "undo", "add", None, None),
        *("smaller", "larger", None, None, None, None, None, "copy"),
    ]


def test_held_key_adds_one_object(person):
    added = []
    person.page.on("request", lambda sent: added.append(sent) if sent.method == "POST" else None)
    for key in "nnn]]":  # again without releasing it: a repetition
        person.page.keyboard.down(key)
    person.sees("#objects li.current", "2")
    expect(person.page.locator("#size")).to_have_value("40")  # this key repeats
    assert len(added) == 1


def test_preview_while_another_frame_is_loading(empty_page):
    shown = empty_page.evaluate(
        """async () => {
          const { App } = await import("./js/app.js");
          const picture = { width: 1, height: 1 };
          const app = new App({
            summary: { video: { count: 3 } },
            mask: async () => new Uint8Array(1),
            picture: () => new Promise(done => setTimeout(done, 700, picture)),
            thumbnail: async index => index,
          });
          app.video = { count: 3 };
          const shown = app.goTo(1);
          app.goTo(2);
          await new Promise(done => setTimeout(done, 500));
          const early = app.preview;
          while (app.index !== 1) await new Promise(done => setTimeout(done));
          const later = app.preview; // the first frame is there, but no longer wanted
          await shown;
          return [early, later, app.preview, app.index]; }"""
    )
    assert shown == [2, 2, None, 2]


def test_frame_that_arrives_replaces_its_preview(empty_page):
    shown = empty_page.evaluate(
        """async () => {
          const { App } = await import("./js/app.js");
          const loaded = new Map();
          const app = new App({
            summary: { video: { count: 3 } },
            mask: async () => new Uint8Array(1),
            picture: index => new Promise(done => loaded.set(index, done)),
            thumbnail: index => (index === 1 ? Promise.resolve(1) : new Promise(() => {})),
          });
          app.video = { count: 3 };
          const shown = app.goTo(1);
          while (app.preview !== 1) await new Promise(done => setTimeout(done));
          app.goTo(2);
          loaded.get(1)({ width: 1, height: 1 });
          while (app.index !== 1) await new Promise(done => setTimeout(done));
          const { preview } = app;
          loaded.get(2)({ width: 1, height: 1 });
          await shown;
          return [preview, app.index]; }"""
    )
    assert shown == [None, 2]


def test_browser_that_stores_nothing(workspace, browser):
    with running_server(workspace) as client, new_page(browser, "about:blank") as page:
        page.add_init_script(
            """Object.defineProperty(window, "sessionStorage", {
              get() { throw new Error("denied"); },
            })"""
        )
        page.goto(client.address)
        page.get_by_role("button", name="clip").click()
        person = Person(page, SIZE)
        person.sees("#place", "frame 1 of 8")
        page.evaluate("dispatchEvent(new Event('pagehide'))")
        is_rendered(person)


def test_frame_number_and_reload(person):
    number = person.page.get_by_label("Frame number")
    expect(number).to_have_value("1")
    number.fill("5")
    number.press("Enter")
    person.sees("#place", "frame 5 of")
    number.fill("first")
    number.press("Enter")
    expect(number).to_have_value("5")
    number.fill("7")
    number.press("Escape")
    expect(number).to_have_value("5")
    number.fill("4")
    person.page.locator("#stage").focus()  # the number pad of a phone may have no Enter
    person.sees("#place", "frame 4 of")
    number.fill("5")
    number.press("Enter")
    person.sees("#place", "frame 5 of")
    person.page.reload()
    person.sees("#place", "frame 5 of")
    expect(number).to_have_value("5")


def touch(page, *places, grips=1):
    """Put fingers on the page, one after the other, and lift all.

    The first one stays down while the others grip several times.
    """
    session = page.context.new_cdp_session(page)
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]

    def send(kind, points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", points[:1])
    for _ in range(grips):
        for count in range(1, len(points)):
            send("touchStart", points[: count + 1])
        if points[1:]:
            send("touchEnd", points[1:])
    send("touchEnd", points[:1])


def test_polygon_with_fingers(person, project):
    person.press("p")
    for corner in ((5, 4), (25, 4), (25, 24)):
        touch(person.page, person.place(*corner))
    # Zooms, and neither adds nor removes corners.
    touch(person.page, person.place(40, 10), person.place(44, 20))
    touch(person.page, person.place(40, 10), person.place(44, 20), grips=3)
    touch(person.page, person.place(5, 24))
    x, y = person.place(5, 4)
    touch(person.page, (x + 16, y))  # CSS pixels from the first corner
    labels_become(project, 0, corner_box(5, 4, 25, 24))


def test_pen_is_as_precise_as_a_mouse(person, project):
    session = person.page.context.new_cdp_session(person.page)

    def click(x, y):
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "pointerType": "pen"}
            session.send("Input.dispatchMouseEvent", event | {"clickCount": 1})

    person.press("p")
    for corner in ((5, 4), (25, 4), (25, 24)):
        click(*person.place(*corner))
    x, y = person.place(5, 4)
    click(x + 16, y)  # CSS pixels from the first corner
    person.press("Backspace")
    click(*person.place(5, 24))
    person.press("Enter")
    labels_become(project, 0, corner_box(5, 4, 25, 24))


def corner_box(left, top, right, bottom):
    labels = np.zeros(SIZE, np.uint8)
    labels[top:bottom, left:right] = 1
    return labels


def test_range_buttons(person):
    person.go_to(3)
    person.page.get_by_role("button", name="From here").click()
    person.sees("#range", "Frames 3–8")
    person.go_to(6)
    person.page.get_by_role("button", name="To here").click()
    person.sees("#range", "Frames 3–6")


def test_names_for_screen_readers(person):
    page = person.page
    for name in ("Colour of object 1", "Progress"):
        expect(page.get_by_label(name, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Hide object 1")).to_be_visible()
    page.locator("#help").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Open…").click()
    expect(page.get_by_role("dialog", name="Open a video")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Delete object 1").click()
    expect(page.get_by_role("dialog", name="Delete object 1 and its masks")).to_be_visible()


def test_polygons_fill_pixels_by_their_centres(empty_page):
    filled = empty_page.evaluate(
        """import('./js/raster.js').then(m => {
          const labels = new Uint8Array(16);
          m.fillPolygon(labels, 4, 4, [[0.6, 0.4], [3.4, 0.4], [3.4, 2.6], [0.6, 2.6]], 1);
          return [...labels]; })"""
    )
    assert np.reshape(filled, (4, 4)).tolist() == [
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize("width", [360, 1280])
def test_texts_fit_into_their_buttons(person, width):
    person.page.set_viewport_size({"width": width, "height": 740})
    person.go_to(4)
    person.press("o")
    person.sees("#range", "Frames 1–4")
    wider = person.page.evaluate(
        """() => [...document.querySelectorAll("main button")].filter(button => {
          const [inner, outer] = [button, button.parentElement].map(e => e.getBoundingClientRect());
          return button.scrollWidth > button.clientWidth || inner.right > outer.right + 0.5;
        }).map(button => button.textContent)"""
    )
    assert wider == []


@pytest.mark.parametrize("height", [500, 621])
def test_tools_fit_into_a_low_window(person, height):
    person.page.set_viewport_size({"width": 1280, "height": height})
    bottom, top = person.page.evaluate(
        """() => {
          const place = element => element.getBoundingClientRect();
          const last = document.querySelector("#tools button:last-child");
          return [place(last).bottom, place(document.querySelector("footer")).top]; }"""
    )
    assert bottom <= top


def test_narrow_window_does_not_overflow(person):
    person.page.set_viewport_size({"width": 360, "height": 740})
    wide = person.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
