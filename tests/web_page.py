"""Open the page of `export/web/` in Chromium, and compare what it does with onnxruntime."""

import base64
import contextlib
import http.server
import io
import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from annotate_browser import Person, new_page
from chromium import SITE
from PIL import Image
from playwright.sync_api import expect

from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.inference.merge import BACKGROUND

SIZE = (360, 640)  # of the bundled clip
BOXES = {1: (180, 90, 420, 320), 2: (30, 20, 120, 110)}
BUDGET = 0.001  # share of pixels that may differ, due to rounding at edges
CLOSE = 1e-3  # probability difference below which rounding decides between two objects

COLLECT = """() => {
  window.seen = [];
  document.addEventListener("segmented", ({ detail }) => window.seen.push(detail));
}"""
# As text, because the browser's protocol passes lists number by number.
COLLECTED = """() => {
  const text = bytes => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
  return window.seen.map(({ image, labels, ...rest }) =>
    ({ ...rest, image: text(image), labels: text(labels) }));
}"""


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


@contextlib.contextmanager
def opened(browser, model: Path, folder: Path, isolated: bool = False):
    """Yield a user who has opened the bundled clip on the page."""
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "model", ignore_errors=True)
    shutil.copytree(model, folder / "model")
    with served(folder, isolated) as address, new_page(browser, address) as page:
        page.locator("#opener").wait_for()
        page.locator("#file").set_input_files(str(bundled_clip().path))
        expect(page.locator("#opener")).to_be_hidden()  # waits longer than `wait_for`
        person = Person(page, SIZE)
        person.sees("#place", "frame 1 of 88")
        yield person


def draw(person: Person) -> None:
    for number, corners in BOXES.items():
        person.press("n")
        person.page.locator("#objects li").nth(number - 1).wait_for()
        person.lasso(*corners)


def saved_masks(person: Person) -> dict[str, np.ndarray]:
    person.page.get_by_role("button", name="Export").click()
    with person.page.expect_download() as download:
        person.page.get_by_role("link", name="Save").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        pictures = {n: Image.open(io.BytesIO(archive.read(n))) for n in archive.namelist()}
        assert {picture.mode for picture in pictures.values()} == {"P"}
        return {name: np.asarray(picture) for name, picture in pictures.items()}


def collected(person: Person) -> list[dict]:
    """The images that the page has processed since `COLLECT`, and their labels."""
    frames = person.page.evaluate(COLLECTED)
    for frame in frames:
        image, labels = (
            np.frombuffer(base64.b64decode(frame[name]), np.uint8) for name in ("image", "labels")
        )
        frame["image"] = image.reshape(1, frame["rows"], frame["columns"], 3)
        frame["labels"] = labels.reshape(SIZE)
    return frames


def check(frames, model: Path, shown: int = 1) -> None:
    """Stream the images that the page processed through onnxruntime and compare the results.

    The labels of the first `shown` frames were given to the model: they begin and correct objects.
    """
    stream = OnnxStream({path.stem: path for path in model.glob("*.onnx")})
    state = None
    for number, frame in enumerate(frames):
        size = frame["rows"], frame["columns"]
        image, labels = frame["image"], frame["labels"]
        if state is not None:
            probs, state = stream.step(image, state)
        if number < shown:
            masks = masks_of(labels, size)
            begins = state is None
            state = (
                stream.initialize(image, masks) if begins else stream.correct(image, masks, state)
            )
            continue
        large = tf.image.resize(np.asarray(probs, np.float32), SIZE).numpy()[..., 0]
        scores = np.concatenate([np.full_like(large[:1], BACKGROUND), large])
        chosen = np.take_along_axis(scores, labels[None].astype(int), 0)[0]
        wrong = np.mean(scores.max(0) - chosen > CLOSE)
        assert wrong <= BUDGET, f"frame {frame['index']}"
        if "confidence" in state:
            sure = {str(row + 1): float(x) for row, x in enumerate(state["confidence"][:, 0])}
            assert frame["confidence"] == pytest.approx(sure, abs=CLOSE)


def masks_of(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(int)
        for small, large in zip(size, SIZE, strict=True)
    )
    small = labels[rows][:, columns]
    return np.stack([small == 1, small == 2]).astype(np.uint8)[..., None]
