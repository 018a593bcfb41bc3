"""The page of `export/web/` in a real browser: it finds the masks that onnxruntime finds."""

import contextlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.parse
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chromium import CHROMIUM, chromium_command
from tiny_export import new_folder, tiny_onnx

import ytvos_keras
from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.onnx_files import export_onnx
from ytvos_keras.export.onnx_stream import OnnxStream

WEB = Path(__file__).parents[1] / "export" / "web"
PAGE = ("index.html", "page.js", "segmenter.js", "style.css")
RUNTIME = WEB / "ort" / "ort.wasm.bundle.min.mjs"
BOXES = {"1": (0.3, 0.2, 0.7, 0.9), "2": (0.05, 0.05, 0.2, 0.3)}
BUDGET = 0.001  # of the pixels may differ: other arithmetic, at the edges

browser = pytest.mark.skipif(
    CHROMIUM is None or not RUNTIME.exists(),
    reason="needs Chromium, and `npm install && npm run build` in export/web",
)


class Visit(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what the probe sends."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        address = urllib.parse.urlparse(self.path)
        self.server.posted.append((address.path.strip("/"), address.query, body))
        self.send_response(200)
        self.end_headers()
        if address.path in ("/done", "/error"):
            self.server.finished.set()

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
        ("127.0.0.1", 0), lambda *args: Visit(*args, directory=str(folder))
    )
    server.posted, server.finished, server.isolated = [], threading.Event(), isolated
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def visit(model: Path, folder: Path, isolated: bool = False):
    """Opens the page with the probe in it; returns (frames, what the page said at the end).

    A frame is (image uint8 (H, W, 3), labels uint8 (H, W)).
    """
    for name in PAGE:
        shutil.copy(WEB / name, folder)
    shutil.copytree(RUNTIME.parent, folder / "ort")
    shutil.copytree(model, folder / "model")
    shutil.copy(Path(__file__).with_name("web_probe.js"), folder)
    shutil.copy(bundled_clip().path, folder / "clip.mp4")
    (folder / "boxes.json").write_text(json.dumps(BOXES))
    page = folder / "index.html"
    page.write_text(page.read_text().replace('src="page.js"', 'src="web_probe.js"'))
    with served(folder, isolated) as server:
        address = f"http://127.0.0.1:{server.server_port}/index.html"
        only_here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        command = chromium_command(folder, only_here, "--window-size=900,900", address)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert server.finished.wait(300), [x[0] for x in server.posted]
        finally:
            process.terminate()
            process.wait(30)
    errors = [body.decode() for path, _, body in server.posted if path == "error"]
    assert errors == []
    frames = [_frame(query, body) for path, query, body in server.posted if path == "frame"]
    return frames, json.loads(server.posted[-1][2])


def _frame(query: str, body: bytes):
    height, width = (int(urllib.parse.parse_qs(query)[side][0]) for side in ("height", "width"))
    values = np.frombuffer(body, np.uint8)
    image, labels = np.split(values, [3 * height * width])
    return image.reshape(height, width, 3), labels.reshape(height, width)


def check(frames, model: Path) -> None:
    """Streams the images that the page saw through onnxruntime, and compares the labels."""
    stream = OnnxStream({name: model / f"{name}.onnx" for name in ("initialize", "step")})
    (image, first), *rest = frames
    assert sorted(np.unique(first)) == [0, 1, 2]
    masks = np.stack([first == 1, first == 2]).astype(np.uint8)[..., None]
    state = stream.initialize(image[None], masks)
    for image, labels in rest:
        probs, state = stream.step(image[None], state)
        expected = np.concatenate([np.full_like(probs[:1], 0.5), probs]).argmax(0)[..., 0]
        assert np.mean(labels != expected) <= BUDGET


@pytest.mark.slow
@browser
@pytest.mark.parametrize(
    ("precision", "isolated"),
    [("float32", False), ("float16", True)],
    ids=["one core", "several cores"],
)
def test_the_page_finds_what_onnxruntime_finds(tmp_path, precision, isolated):
    model = tiny_onnx(precision).path
    frames, said = visit(model, tmp_path, isolated)
    assert len(frames) == 6
    images = [image for image, _ in frames]
    assert not any(np.array_equal(a, b) for a, b in pairwise(images))
    check(frames, model)
    assert said["status"] == "Done."
    assert re.fullmatch(r"[\d.]+ frames per second", said["speed"])


@pytest.mark.slow
@browser
def test_the_bundled_model_in_the_page(tmp_path):
    model = ytvos_keras.load("s2s-lite")
    exported = export_onnx(model, new_folder(), name="s2s-lite", precision="int8")
    frames, said = visit(exported.path, tmp_path)
    assert frames[0][0].shape == (256, 448, 3)
    check(frames, exported.path)
    print(said["speed"])


def test_the_page_loads_from_its_own_place_only():
    text = (WEB / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy
    for name in PAGE:
        assert not re.search(r"https?://", (WEB / name).read_text()), name


def test_nothing_large_is_in_the_repository():
    ignored = (WEB.parents[1] / ".gitignore").read_text().splitlines()
    for name in ("model", "node_modules", "ort"):
        assert f"/export/web/{name}/" in ignored
    assert json.loads((WEB / "package.json").read_text())["private"]
