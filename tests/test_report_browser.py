"""Reports in a real browser that has no network."""

import html
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from chromium import CHROMIUM, chromium_command
from PIL import Image
from report_data import ODD, evaluation_of, scores_of, small_evaluation, small_pictures

from ytvos_keras.evaluation.report import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

# Appended to a copy of the page; stores its findings in the DOM, where `--dump-dom` shows them.
PROBE = """<script>addEventListener("load", () => {
  const box = selector => document.querySelector(selector)?.getBoundingClientRect() ?? {};
  document.querySelectorAll("details").forEach(each => each.open = true);
  const first = () => document.querySelector(".objects tbody tr")?.textContent;
  const worst = first();
  const button = document.querySelectorAll(".objects button")[4];  // mean J
  button?.click(); button?.click();
  document.documentElement.dataset.found = JSON.stringify({
    images: document.images.length,
    decoded: [...document.images].filter(each => each.naturalWidth > 0).length,
    plot: [box("svg").width, box("svg").height],
    bar: [box(".bar i").width, box(".bar i").height],
    page: document.documentElement.scrollWidth,
    window: innerWidth,
    requests: performance.getEntriesByType("resource").map(each => each.name),
    worst: worst,
    sorted: first(),
  });
});</script>"""


@dataclass(frozen=True)
class Visit:
    """What a browser reports about a page: its DOM, its console, and the findings of the probe."""

    dom: str
    console: list[str]
    found: dict


def run_chromium(page: Path, *options: str) -> subprocess.CompletedProcess:
    command = chromium_command(
        page.parent,
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        *options,
        page.as_uri(),
    )
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def visit(text: str, folder: Path, *options: str) -> Visit:
    """Open a page, given as text, with the probe appended."""
    page = folder / "visited.html"
    page.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    result = run_chromium(page, "--dump-dom", *options)
    console = [line for line in result.stderr.splitlines() if re.search(r":CONSOLE[:(]", line)]
    found = re.search(r'data-found="([^"]*)"', result.stdout)
    assert found, result.stderr
    return Visit(result.stdout, console, json.loads(html.unescape(found[1])))


def screenshot(page: Path, *options: str) -> np.ndarray:
    """Return a screenshot (H, W, 3) with values 0–255."""
    file = page.parent / "screenshot.png"
    run_chromium(page, f"--screenshot={file}", *options)
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def near(picture: np.ndarray, colour: tuple[int, int, int], tolerance: int = 12) -> int:
    """Count the pixels close to a colour."""
    return int((np.abs(picture - colour).max(-1) <= tolerance).sum())


@pytest.fixture
def report(tmp_path) -> Path:
    evaluations = {"ours": small_evaluation(), ODD: small_evaluation()}
    write_report(tmp_path / "report.html", evaluations, small_pictures(*evaluations))
    return tmp_path / "report.html"


def test_report_is_drawn(report):
    seen = visit(report.read_text(encoding="utf-8"), report.parent, "--window-size=1200,900")
    assert seen.console == []
    found = seen.found
    assert found["requests"] == []
    assert found["images"] == found["decoded"] == 3 + 2 * (3 + 4 + 1)
    assert min(found["plot"]) > 200
    assert found["bar"][0] > 200
    assert found["page"] <= found["window"] == 1200
    assert found["worst"].startswith("bad")
    assert found["sorted"].startswith("good1ape")  # two clicks: the largest mean J first
    assert "G</i>" in seen.dom


def test_report_fits_a_phone(report):
    seen = visit(report.read_text(encoding="utf-8"), report.parent, "--window-size=400,800")
    assert seen.console == []
    assert seen.found["page"] <= seen.found["window"] <= 500  # Chromium's minimum window width
    assert min(seen.found["plot"]) > 150


def test_long_names_fit_a_phone(tmp_path):
    long = "method_" + 120 * "x"
    evaluation = evaluation_of(scores_of("sequence_" + 120 * "y", [0.5, 0.6]))
    write_report(tmp_path / "report.html", {long: evaluation, "short": evaluation})
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    seen = visit(text, tmp_path, "--window-size=400,800")
    assert seen.console == []
    assert seen.found["page"] <= seen.found["window"]


@pytest.mark.parametrize(
    ("options", "paper"), [([], (255, 255, 255)), (["--force-dark-mode"], (21, 24, 27))]
)
def test_screenshot_shows_tables_plot_and_images(report, options, paper):
    picture = screenshot(report, "--window-size=1200,2600", *options)
    assert picture.shape == (2600, 1200, 3)
    assert picture[0, 0].tolist() == list(paper)
    assert 0.3 < near(picture, paper, 0) / picture[..., 0].size < 0.95
    assert near(picture, (61, 133, 198)) > 2000  # bars and curve of the first method
    assert near(picture, (224, 112, 46)) > 2000  # and of the second
    assert near(picture, (20, 40, 90)) > 20000  # the frames


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("<script>console.error('planted')</script>", "planted"),
        ("<script>missing()</script>", "missing is not defined"),
    ],
)
def test_probe_detects_an_error(tmp_path, planted, said):
    seen = visit(f"<!DOCTYPE html><html><body>{planted}</body></html>", tmp_path)
    assert any(said in line for line in seen.console)


def test_probe_detects_a_request(tmp_path):
    text = "<!DOCTYPE html><html><body><img src='http://example.com/a.png'></body></html>"
    found = visit(text, tmp_path).found
    assert found["requests"] == ["http://example.com/a.png"]
    assert (found["images"], found["decoded"]) == (1, 0)  # the browser reached no other machine


def test_probe_detects_a_broken_image(tmp_path):
    text = "<!DOCTYPE html><html><body><img src='data:image/jpeg;base64,AAAA'></body></html>"
    found = visit(text, tmp_path).found
    assert (found["images"], found["decoded"]) == (1, 0)


def test_report_refuses_external_resources(report):
    text = report.read_text(encoding="utf-8")
    outside = "<img src='http://example.com/a.png'></body>"
    seen = visit(text.replace("</body>", outside), report.parent)
    assert any("Content Security Policy" in line for line in seen.console)
