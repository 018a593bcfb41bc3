"""The page of `export/web/` in a real browser segments like onnxruntime."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from annotate_project import box, make_project
from chromium import CHROMIUM, SITE, needs_site
from tiny_export import tiny_onnx

import ytvos_keras
from ytvos_keras.annotate.chain_runner import ChainRunner
from ytvos_keras.annotate.propagation_plan import plan
from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.video import VideoWriter

pytest.importorskip("playwright")
from annotate_browser import chromium, new_page
from playwright.sync_api import expect
from web_page import BOXES, COLLECT, check, collected, draw, opened, saved_masks, served

WEB = SITE.parent


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def gpu_browser(browser):
    """Chromium with WebGPU computed by its software renderer."""
    flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    flags += ["--enable-features=Vulkan", "--use-vulkan=swiftshader", "--no-sandbox"]
    browser = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    yield browser
    browser.close()


@pytest.mark.slow
@needs_site
@pytest.mark.parametrize(
    ("precision", "isolated", "gpu"),
    [("float32", False, False), ("int8", True, False), ("float16", False, True)],
    ids=["one core", "several cores", "software WebGPU"],
)
def test_page_matches_onnxruntime(browser, gpu_browser, tmp_path, precision, isolated, gpu):
    model = tiny_onnx(precision).path
    with opened(gpu_browser if gpu else browser, model, tmp_path, isolated) as person:
        draw(person)
        person.go_to(6)
        person.press("o")
        person.page.evaluate(COLLECT)
        person.propagate()
        frames = collected(person)
        masks = saved_masks(person)
        assert person.page.evaluate("crossOriginIsolated") is isolated
        runs_on = person.page.evaluate("document.documentElement.dataset.runsOn")
        assert runs_on == ("webgpu" if gpu else "wasm")
    assert [frame["index"] for frame in frames] == [0, 1, 2, 3, 4, 5]
    check(frames, model)
    assert sorted(masks) == [f"{index:05d}.png" for index in range(6)]
    for frame in frames:
        np.testing.assert_array_equal(masks[f"{frame['index']:05d}.png"], frame["labels"])


@pytest.mark.slow
@needs_site
def test_second_run_starts_at_the_new_mask(browser, tmp_path):
    with opened(browser, tiny_onnx("float32").path, tmp_path) as person:
        draw(person)
        person.go_to(4)
        person.press("o")
        person.page.locator("#follow").uncheck()
        person.propagate(said="Done: 3 frames.")
        person.press("Home")
        person.sees("#place", "frame 1 of")
        person.press("Control+z", "Control+z")  # remove both outlines
        person.lasso(*BOXES[1])
        person.go_to(3)
        person.press("o")
        person.page.evaluate(COLLECT)
        person.propagate(said="Done: 2 frames.")
        first = collected(person)[0]
    left, top, right, bottom = BOXES[1]
    assert first["index"] == 0
    assert abs(np.count_nonzero(first["labels"]) - (right - left) * (bottom - top)) < 2000


@pytest.mark.slow
@needs_site
def test_frames_match_the_file(browser, tmp_path):
    with opened(browser, tiny_onnx("float32").path, tmp_path) as person:
        facts = person.page.evaluate(
            """async () => {
              const { VideoFile } = await import("./local/video_file.js");
              const file = document.getElementById("file").files[0];
              const video = await VideoFile.open(file);
              const seen = [];
              for (const index of [40, 3, 87]) {
                const canvas = new OffscreenCanvas(640, 360);
                const pen = canvas.getContext("2d");
                pen.drawImage(await video.frame(index), 0, 0);
                seen.push(Array.from(pen.getImageData(0, 180, 640, 8).data));
              }
              const { sink } = video;
              video.sink = { async *samples() { throw new Error("broken"); } };
              const again = [await video.frame(0).catch(error => error.message)];
              video.sink = sink;
              again.push((await video.frame(0)).width);
              return { count: video.count, fps: video.fps, seen, again };
            }"""
        )
    assert facts["again"] == ["broken", 640]
    assert facts["count"] == 88
    assert abs(facts["fps"] - 25) < 0.01
    frames = [frame[180:188] for _, frame in ytvos_keras.media.open_frames(bundled_clip().path)]
    for index, seen in zip((40, 3, 87), facts["seen"], strict=True):
        rows = np.array(seen).reshape(8, 640, 4)[..., :3]
        errors = [np.abs(rows - frame.astype(int)).mean() for frame in frames]
        assert int(np.argmin(errors)) == index


@contextlib.contextmanager
def without_model(browser, folder: Path):
    """Yield the page; it can open videos, but not segment them."""
    shutil.copytree(SITE, folder)
    with served(folder, False) as address, new_page(browser, address) as page:
        page.locator("#opener").wait_for()
        yield page


@needs_site
def test_tools_that_need_the_server_are_hidden(browser, tmp_path):
    with without_model(browser, tmp_path / "site") as page:
        page.keyboard.press("Escape")  # closes the dialog, to which keys would belong
        page.locator("#opener").wait_for(state="hidden")
        page.locator("[data-tool=polygon]").click()
        for tool, key in (("box", "j"), ("scribble", "k")):
            expect(page.locator(f"[data-tool={tool}]")).to_have_count(0)
            page.keyboard.press(key)
        chosen = page.locator("#tools [aria-pressed=true]")
        expect(chosen).to_have_attribute("data-tool", "polygon")
        page.locator("#help").click()
        expect(page.locator("#keys")).to_contain_text("polygon")
        expect(page.locator("#keys")).not_to_contain_text("scribble")


@needs_site
def test_frames_that_an_edit_list_cuts_off(browser, tmp_path):
    with VideoWriter(tmp_path / "whole.mp4", 25) as video:
        for number in range(8):
            video.write(np.full((48, 64, 3), 20 + 25 * number, np.uint8))
    cut = tmp_path / "cut.mp4"
    with av.open(str(tmp_path / "whole.mp4")) as whole, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.pts -= 3 * packet.duration
                packet.dts -= 3 * packet.duration
                packet.stream = stream
                out.mux(packet)
    expected = [int(frame.mean()) for _, frame in ytvos_keras.media.open_frames(cut)]
    assert len(expected) == 5
    with without_model(browser, tmp_path / "site") as page:
        page.locator("#file").set_input_files(str(cut))
        expect(page.locator("#place")).to_have_text("frame 1 of 5")
        found = page.evaluate(
            """async () => {
              const { VideoFile } = await import("./local/video_file.js");
              const video = await VideoFile.open(document.getElementById("file").files[0]);
              const pen = new OffscreenCanvas(64, 48).getContext("2d");
              const seen = [];
              for (let index = 0; index < video.count; index++) {
                pen.drawImage(await video.frame(index), 0, 0);
                seen.push(pen.getImageData(32, 24, 1, 1).data[0]);
              }
              return seen; }"""
        )
    assert found == pytest.approx(expected, abs=5)


@needs_site
def test_thumbnails_are_key_frames_and_leave_the_decoder_alone(browser, tmp_path):
    with av.open(str(bundled_clip().path)) as container:
        stamps = [(p.pts, p.is_keyframe) for p in container.demux(video=0) if p.size]
    keys = [index for index, (_, is_key) in enumerate(sorted(stamps)) if is_key]
    key = max(index for index in keys if index <= 87)
    near = 87 - key
    assert near > 0
    with without_model(browser, tmp_path / "site") as page:
        page.locator("#file").set_input_files(str(bundled_clip().path))
        expect(page.locator("#place")).to_have_text("frame 1 of 88")
        found = page.evaluate(
            """async ([key, near]) => {
              const { BrowserBackend } = await import("./local/browser_backend.js");
              const backend = new BrowserBackend("none/");
              await backend.openFile(document.getElementById("file").files[0]);
              const bytes = picture => {
                const canvas = new OffscreenCanvas(picture.width, picture.height);
                const pen = canvas.getContext("2d");
                pen.drawImage(picture, 0, 0);
                return pen.getImageData(0, 0, picture.width, picture.height).data.join();
              };
              const { video } = backend;
              const expected = [];
              for (const index of [key, 87]) expected.push(bytes(await video.picture(index, 160)));
              video.frame = () => { throw new Error("is busy"); };
              const found = [];
              for (const most of [near, near - 1]) {
                found.push(bytes(await backend.thumbnail(87, most)));
              }
              return found.map(picture => expected.indexOf(picture)); }""",
            [key, near],
        )
    assert found == [0, 1]


class Recorder:
    """A Segmenter that records which frames it is shown, with which objects, and follows none."""

    def __init__(self):
        self.log, self.object_ids, self.pending, self.confidence, self.video = [], [], [], {}, None

    def reset(self):
        self.object_ids = []

    def add_object(self, mask, object_id):
        self.pending.append(object_id)
        if object_id not in self.object_ids:
            self.object_ids.append(object_id)

    def add_objects(self, labels, *, indexed):
        assert indexed
        for object_id in ids_in(labels):
            self.add_object(labels == object_id, object_id)

    def remove_object(self, object_id):
        self.object_ids.remove(object_id)

    def step(self, frame):
        self.log.append([int(frame[0, 0, 0]) - 100, self.pending, list(self.object_ids)])
        self.pending = []
        return np.zeros(frame.shape[:2], np.uint8)


RECORD = """async ([count, height, width, drawn]) => {
  const { Propagation } = await import("./local/propagation.js");
  const log = [];
  const segmenter = {
    ids: [],
    reset() { this.ids = []; },
    sizeFor: (height, width) => [height, width],
    show(image, masks) {
      this.ids.push(...[...masks.keys()].filter(id => !this.ids.includes(id)));
      log.push([image[0], [...masks.keys()], [...this.ids]]);
    },
    step(image) {
      log.push([image[0], [], [...this.ids]]);
      return new Uint8Array(height * width);
    },
    get confidence() { return new Map(); },
    remove(id) { this.ids = this.ids.filter(other => other !== id); },
  };
  const frame = index => {
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    pen.fillStyle = `rgb(${index} 0 0)`;
    pen.fillRect(0, 0, width, height);
    return canvas;
  };
  const masks = new Map(drawn.map(([index, labels]) => [index, Uint8Array.from(labels)]));
  const backend = {
    video: { width, height, frame },
    status: { state: "ready" },
    objects: { 1: {}, 2: {} },
    trusted: new Map(drawn.map(([index, , ids]) => [index, new Map(ids.map(id => [id, index]))])),
    predicted: new Map(),
    labels: index => masks.get(index) ?? new Uint8Array(width * height),
    setLabels: (index, labels) => masks.set(index, labels),
    confidence: () => ({}),
    tell() {},
    emit() {},
  };
  await new Propagation(backend, segmenter).run(0, count, "both");
  return log;
}"""


@needs_site
def test_the_page_shows_the_same_trusted_frames_as_ytvos_annotate(browser, tmp_path):
    count, first, second = 14, box(5), box(30, 20, value=2)
    drawn = {  # the second object is erased in frame 9
        0: (first, [1]),
        3: (first | second, [1, 2]),
        5: (first, [1]),
        9: (first, [1, 2]),
        12: (first | second, [2]),
    }
    project = make_project(tmp_path / "project", count)
    for _ in range(2):
        project.add_object()
    for index, (labels, ids) in drawn.items():
        project.save_drawn(index, labels, ids)
    recorder = Recorder()
    runner = ChainRunner(project, project.frames, recorder)
    trusted = {i: tuple(ids) for i, ids in project.trusted.items()}
    for chain in plan(trusted, 0, count, "both", runner.is_fresh):
        for _ in runner.run(chain):
            pass

    shutil.copytree(SITE, tmp_path / "site")
    given = [[index, labels.ravel().tolist(), ids] for index, (labels, ids) in drawn.items()]
    with (
        served(tmp_path / "site", False) as address,
        new_page(browser, address) as page,
    ):
        log = page.evaluate(RECORD, [count, *project.frames.size, given])
    assert len(log) > 2 * count
    assert log == recorder.log


BACKEND = """async ([height, width, commands]) => {
  const { BrowserBackend } = await import("./local/browser_backend.js");
  const { Propagation } = await import("./local/propagation.js");
  const log = [];
  const outputs = new Map(); // index → labels
  const segmenter = {
    ids: [],
    state: {},
    reset() { Object.assign(this, { ids: [], state: {} }); },
    sizeFor: (height, width) => [height, width],
    show(image, masks) {
      this.ids = [...masks.keys()];
      log.push(["show", image[0]]);
    },
    async step(image) {
      this.state = { last: image[0] };
      log.push(["step", image[0]]);
      if (replaced !== null) {
        await backend.deleteObject(replaced);
        await backend.addObject(); // under the same id
      }
      return outputs.get(image[0]) ?? new Uint8Array(height * width);
    },
    get confidence() { return new Map(this.ids.map(id => [id, 1 / (1 + id)])); },
    remove() {},
  };
  const frame = index => {
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    pen.fillStyle = `rgb(${index} 0 0)`;
    pen.fillRect(0, 0, width, height);
    return canvas;
  };
  const backend = new BrowserBackend("none/");
  while (backend.status.state === "loading") await new Promise(next => setTimeout(next));
  backend.video = { width, height, frame };
  backend.propagation = new Propagation(backend, segmenter);
  let last = null;
  let undone = null;
  let replaced = null;
  backend.listen(({ type, index }) => {
    if (type !== "frame" || index !== last) return;
    if (undone === null) backend.propagation.stop();
    else backend.saveMask(undone, new Uint8Array(height * width), new Set());
  });
  const found = [];
  for (const [name, ...args] of commands) {
    if (name === "object") await backend.addObject();
    const labels = Uint8Array.from(args[1] ?? []);
    if (name === "output") outputs.set(args[0], labels);
    if (name === "draw") await backend.saveMask(args[0], labels, new Set(args[2]));
    if (name === "forget") backend.propagation.forget();
    if (name === "replace") replaced = args[0];
    if (name === "delete") await backend.deleteObject(args[0]);
    if (name === "undo") undone = args[0];
    if (name === "run") {
      backend.status.state = "ready";
      last = args[1];
      await backend.propagation.run(0, args[0], "forward");
      found.push(log.splice(0));
    }
    if (name === "mask") found.push([...backend.labels(args[0])]);
    if (name === "predicted") found.push([...(backend.predicted.get(args[0])?.keys() ?? [])]);
    if (name === "frames") found.push([...backend.predicted.keys()]);
    if (name === "unsaved") found.push(backend.unsaved);
    if (name === "trusted") found.push([...backend.trusted.keys()]);
    if (name === "message") found.push(backend.status.message);
    if (name === "confidence") found.push((await backend.load()).confidence);
    if (name === "export") await backend.exportAs();
    if (name === "download") backend.downloaded();
  }
  return found;
}"""


def run_backend(browser, folder: Path, *commands):
    """Run commands on the page's backend, with a model that returns given labels."""
    plain = [[x.ravel().tolist() if hasattr(x, "ravel") else x for x in c] for c in commands]
    shutil.copytree(SITE, folder)
    with served(folder, False) as address, new_page(browser, address) as page:
        return page.evaluate(BACKEND, [*box(0).shape, plain])


STEPS_3_TO_5 = [["step", 3], ["step", 4], ["step", 5]]


@needs_site
def test_an_interrupted_run_is_resumed(browser, tmp_path):
    runs = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("draw", 0, box(5), [1]),
        ("run", 6, 2),  # stop after frame 2
        ("run", 6, 3),
        ("draw", 2, box(6), [1]),
        ("run", 6, 4),
        ("draw", 0, box(7), [1]),  # frame 1 is outdated, but frames 3 and 4 are not
        ("run", 6),
        ("forget",),
        ("run", 8),
    )
    assert runs == [
        [["show", 0], ["step", 1], ["step", 2]],
        [["step", 3]],
        [["show", 0], ["show", 2], ["step", 3], ["step", 4]],
        [["show", 2], ["show", 0], ["step", 1], ["show", 0], ["show", 2], *STEPS_3_TO_5],
        [["show", 0], ["show", 2], *STEPS_3_TO_5, ["step", 6], ["step", 7]],
    ]


@needs_site
def test_undo_after_the_last_frame_of_a_chain(browser, tmp_path):
    runs = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("object",),
        ("draw", 0, box(5), [1]),
        ("draw", 2, box(20, value=2), [2]),
        ("undo", 2),  # the source of the second chain
        ("run", 4, 3),
        ("message",),
    )
    assert runs[-1] == "Stopped after 3 frames."


@needs_site
def test_predictions_that_a_drawing_or_another_run_changes(browser, tmp_path):
    both = box(5) | box(20, value=2)
    wrong = box(20, value=2)
    wrong[4:12, 28:34] = 1  # a mistake: this is object 2, too
    better = wrong + (wrong == 1)
    drawn_over = better.copy()
    drawn_over[4:8, 20:24] = 1
    found = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("object",),
        ("draw", 0, both, [1, 2]),
        ("output", 2, wrong),
        ("run", 3),
        ("draw", 1, both, [1]),
        ("output", 2, better),
        ("run", 3),
        ("mask", 2),
        ("predicted", 2),
        ("draw", 2, drawn_over, []),
        ("predicted", 2),
    )
    np.testing.assert_array_equal(found[2], better.ravel())
    assert sorted(found[3]) == [1, 2]
    assert found[4] == []


@needs_site
def test_prediction_of_an_object_that_was_deleted_meanwhile_is_dropped(browser, tmp_path):
    found = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("draw", 0, box(5), [1]),
        ("output", 1, box(6)),
        ("replace", 1),  # while the model is running
        ("run", 2),
        ("frames",),
        ("mask", 1),
    )
    assert found[-2] == []
    assert not any(found[-1])


@needs_site
def test_deleting_an_object(browser, tmp_path):
    found = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("object",),
        ("draw", 0, box(5) | box(20, value=2), [1, 2]),
        ("draw", 3, box(5), [1]),
        ("export",),
        ("download",),
        ("delete", 1),
        ("unsaved",),
        ("mask", 0),
        ("mask", 3),
        ("trusted",),
    )
    assert found[0] is True
    np.testing.assert_array_equal(found[1], box(20, value=2).ravel())
    assert not any(found[2])
    assert found[3] == [0]


@needs_site
def test_confidence_of_each_object(browser, tmp_path):
    found = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("object",),
        ("draw", 0, box(5) | box(20, value=2), [1, 2]),
        ("draw", 1, box(5) | box(20, value=2), [1]),
        ("run", 3),
        ("confidence",),
    )
    third = pytest.approx(1 / 3)
    assert found[-1] == {"1": {"2": third}, "2": {"1": 0.5, "2": third}}


@needs_site
def test_nothing_left_to_compute(browser, tmp_path):
    found = run_backend(
        browser,
        tmp_path / "site",
        ("object",),
        ("draw", 2, box(5), [1]),
        ("run", 3),  # forward from the last frame
        ("message",),
    )
    assert found[-1] == "Nothing left to compute in this direction; R computes both ways."


@needs_site
def test_masks_are_unsaved_until_they_are_downloaded(browser, tmp_path):
    found = run_backend(
        browser,
        tmp_path / "site",
        ("unsaved",),
        ("object",),
        ("draw", 0, box(5), [1]),
        ("unsaved",),
        ("export",),
        ("unsaved",),
        ("download",),
        ("unsaved",),
        ("export",),
        ("run", 2),
        ("download",),  # without the mask of frame 1
        ("unsaved",),
    )
    assert found[:4] == [False, True, True, False]
    assert found[-1] is True


@pytest.mark.slow
@needs_site
def test_page_asks_before_masks_are_lost(browser, tmp_path):
    with opened(browser, tiny_onnx("float32").path, tmp_path) as person:
        page = person.page
        draw(person)
        person.sees("#saved", "Not exported")
        page.get_by_role("button", name="Open…").click()
        choose_again(page)
        person.sees("#ask", "Discard")
        page.get_by_role("button", name="Keep").click()
        page.keyboard.press("Escape")
        assert len(saved_masks(person)) == 1
        person.sees("#saved", "Saved")
        page.get_by_role("button", name="Open…").click()
        choose_again(page)
        person.sees("#hint", "Add an object")
        expect(page.locator("#opener")).to_be_hidden()  # keys are for the dialog until then
        person.press("n")
        hint = "Draw around object 1 in a frame where it is clearly visible."  # but no box
        expect(page.locator("#hint")).to_have_text(hint)


def choose_again(page) -> None:
    # Chromium reports no change if the same file is set again.
    for files in ([], str(bundled_clip().path)):
        page.locator("#file").set_input_files(files)


def test_page_loads_nothing_from_elsewhere():
    policy = re.search(r'POLICY =\s+"([^;]+);', (WEB / "build.mjs").read_text())[1]
    assert policy == "default-src 'none'"
    page = Path(ytvos_keras.__file__).parent / "annotate" / "page"
    for file in [*WEB.glob("src/*.js"), *page.rglob("*.js"), *page.rglob("*.css")]:
        assert not re.search(r"https?://", file.read_text(encoding="utf-8")), file


def test_build_artifacts_are_ignored():
    ignored = (WEB.parents[1] / ".gitignore").read_text().splitlines()
    for name in ("node_modules", "site"):
        assert f"/export/web/{name}/" in ignored
    assert json.loads((WEB / "package.json").read_text())["private"]
