"""The page of `export/web/` in a real browser segments like onnxruntime."""

import contextlib
import http.server
import io
import json
import re
import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from chromium import CHROMIUM
from PIL import Image
from tiny_export import new_folder, tiny_onnx

import ytvos_keras
from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.onnx_files import export_onnx
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.inference import Segmenter
from ytvos_keras.inference.merge import BACKGROUND

pytest.importorskip("playwright")
from annotate_browser import Person, chromium, new_page
from annotate_server import running_server
from playwright.sync_api import expect

WEB = Path(__file__).parents[1] / "export" / "web"
SITE = WEB / "site"
SIZE = (360, 640)  # of the bundled clip
BOXES = {1: (180, 90, 420, 320), 2: (30, 20, 120, 110)}
BUDGET = 0.001  # share of pixels that may differ, due to rounding at edges
CLOSE = 1e-3  # probability difference below which rounding decides between two objects

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or not (SITE / "lib").exists(),
    reason="needs Chromium, and `npm install && npm run build` in export/web",
)

COLLECT = """() => {
  window.seen = [];
  document.addEventListener("segmented", ({ detail }) => window.seen.push(detail));
}"""
COLLECTED = """() => window.seen.map(({ index, image, labels, rows, columns, confidence }) =>
  ({ index, rows, columns, confidence, image: Array.from(image), labels: Array.from(labels) }))"""


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, with the headers that enable threads if `server.isolated`."""

    def end_headers(self):
        if self.server.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder: Path, isolated: bool):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: Files(*args, directory=str(folder))
    )
    server.isolated = isolated
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@contextlib.contextmanager
def opened(browser, model: Path, folder: Path, isolated: bool = False):
    """Yield a user who has opened the bundled clip on the page."""
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "model", ignore_errors=True)
    shutil.copytree(model, folder / "model")
    with served(folder, isolated) as address, new_page(browser, address) as page:
        page.locator("#opener").wait_for()
        page.locator("#file").set_input_files(str(bundled_clip().path))
        page.locator("#opener").wait_for(state="hidden")
        person = Person(page, SIZE)
        person.sees("#place", "frame 1 of 88")
        yield person


def draw(person: Person) -> None:
    for number, box in BOXES.items():
        person.press("n")
        person.page.locator("#objects li").nth(number - 1).wait_for()
        person.lasso(*box)


def saved_masks(person: Person) -> dict[str, np.ndarray]:
    person.page.get_by_role("button", name="Export").click()
    with person.page.expect_download() as download:
        person.page.get_by_role("link", name="Save").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        pictures = {n: Image.open(io.BytesIO(archive.read(n))) for n in archive.namelist()}
        assert {picture.mode for picture in pictures.values()} == {"P"}
        return {name: np.asarray(picture) for name, picture in pictures.items()}


def check(frames, model: Path) -> None:
    """Stream the images that the page processed through onnxruntime and compare the labels."""
    stream = OnnxStream({name: model / f"{name}.onnx" for name in ("initialize", "step")})
    state = None
    for frame in frames:
        size = frame["rows"], frame["columns"]
        image = np.array(frame["image"], np.uint8).reshape(1, *size, 3)
        labels = np.array(frame["labels"], np.uint8).reshape(SIZE)
        if state is None:
            rows, columns = (
                ((np.arange(small) + 0.5) * large / small).astype(int)
                for small, large in zip(size, SIZE, strict=True)
            )
            small = labels[rows][:, columns]
            masks = np.stack([small == 1, small == 2]).astype(np.uint8)[..., None]
            state = stream.initialize(image, masks)
            continue
        probs, state = stream.step(image, state)
        large = tf.image.resize(np.asarray(probs, np.float32), SIZE).numpy()[..., 0]
        scores = np.concatenate([np.full_like(large[:1], BACKGROUND), large])
        chosen = np.take_along_axis(scores, labels[None].astype(int), 0)[0]
        wrong = np.mean(scores.max(0) - chosen > CLOSE)
        assert wrong <= BUDGET, f"frame {frame['index']}"


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(
    ("precision", "isolated"),
    [("float32", False), ("int8", True)],
    ids=["one core", "several cores"],
)
def test_page_matches_onnxruntime(browser, tmp_path, precision, isolated):
    model = tiny_onnx(precision).path
    with opened(browser, model, tmp_path, isolated) as person:
        draw(person)
        person.go_to(6)
        person.press("o")
        person.page.evaluate(COLLECT)
        person.propagate()
        frames = person.page.evaluate(COLLECTED)
        masks = saved_masks(person)
        assert person.page.evaluate("crossOriginIsolated") is isolated
    assert [frame["index"] for frame in frames] == [0, 1, 2, 3, 4, 5]
    check(frames, model)
    assert sorted(masks) == [f"{index:05d}.png" for index in range(6)]
    for frame in frames:
        labels = np.array(frame["labels"], np.uint8).reshape(SIZE)
        np.testing.assert_array_equal(masks[f"{frame['index']:05d}.png"], labels)


@pytest.mark.slow
@needs_browser
def test_second_run_starts_at_the_new_mask(browser, tmp_path):
    with opened(browser, tiny_onnx("float32").path, tmp_path) as person:
        draw(person)
        person.go_to(4)
        person.press("o")
        person.propagate()
        person.sees("#run", "Done: 3 frames.")
        person.press("Home")
        person.sees("#place", "frame 1 of")
        person.press("Control+z", "Control+z")  # remove both outlines
        person.lasso(*BOXES[1])
        person.page.evaluate(COLLECT)
        person.propagate()
        first = person.page.evaluate(COLLECTED)[0]
    left, top, right, bottom = BOXES[1]
    labels = np.array(first["labels"]).reshape(SIZE)
    assert first["index"] == 0
    assert abs(np.count_nonzero(labels) - (right - left) * (bottom - top)) < 2000


@pytest.mark.slow
@needs_browser
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
              return { count: video.count, fps: video.fps, seen };
            }"""
        )
    assert facts["count"] == 88
    assert abs(facts["fps"] - 25) < 0.01
    frames = [frame[180:188] for _, frame in ytvos_keras.media.open_frames(bundled_clip().path)]
    for index, seen in zip((40, 3, 87), facts["seen"], strict=True):
        rows = np.array(seen).reshape(8, 640, 4)[..., :3]
        errors = [np.abs(rows - frame.astype(int)).mean() for frame in frames]
        assert int(np.argmin(errors)) == index


@pytest.mark.slow
@needs_browser
def test_the_bundled_model_in_both_pages(browser, tmp_path):
    """The static page segments like onnxruntime, and `ytvos-annotate` like the static page."""
    model = ytvos_keras.load("s2s-lite")
    exported = export_onnx(model, new_folder(), name="s2s-lite", precision="float16")
    with opened(browser, exported.path, tmp_path / "static") as person:
        person.page.evaluate(COLLECT)
        follow(person)
        frames = person.page.evaluate(COLLECTED)
        static = saved_masks(person)
    assert (frames[0]["rows"], frames[0]["columns"]) == model.config.input_size
    check(frames[:4], exported.path)

    (tmp_path / "videos").mkdir()
    shutil.copy(bundled_clip().path, tmp_path / "videos" / "bunny.mp4")
    workspace = Workspace(tmp_path / "videos", lambda: Segmenter(model))
    with running_server(workspace) as client, new_page(browser, client.address) as page:
        page.get_by_role("button", name="bunny").click()
        person = Person(page, SIZE)
        person.sees("#place", "frame 1 of 88")
        page.locator("#opener").wait_for(state="hidden")
        follow(person)
        project = workspace.session.project
        served = {name: project.mask(int(Path(name).stem)) for name in static}
    workspace.close()

    assert sorted(static) == [f"{index:05d}.png" for index in range(4)]
    for name, labels in static.items():
        for number in BOXES:
            ours, theirs = labels == number, served[name] == number
            # Canvas and Pillow scale the frames differently.
            assert (ours & theirs).sum() > 0.97 * (ours | theirs).sum(), (name, number)
    seen = {frame["index"]: frame["confidence"] for frame in frames[4:]}
    for index in (2, 3):
        sure = {str(i): found.confidence for i, found in project.predicted[index].items()}
        assert seen[index] == pytest.approx(sure, abs=0.05)


def follow(person: Person) -> None:
    """Draw the boxes, follow them to frame 4, and correct the second one in frame 2."""
    draw(person)
    person.go_to(4)
    person.press("o")
    person.propagate()
    expect(person.page.locator("#doubtful")).to_be_enabled()
    person.go_to(2)
    person.lasso(30, 100, 120, 150)
    person.propagate()
    person.sees("#run", "Done: 2 frames.")


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
