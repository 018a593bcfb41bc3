import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from report_data import (
    ODD,
    disk,
    evaluation_of,
    scores_of,
    small_evaluation,
    small_pictures,
)

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.report import check_plots_installed, write_report
from ytvos_keras.evaluation.report.curve import j_over_time, plot_curves
from ytvos_keras.evaluation.report.strips import choose_frames, draw_mask
from ytvos_keras.evaluation.report.tables import frame_means, summary_rows, worst_first
from ytvos_keras.evaluation.results import Summary

VOID = {"meta", "link", "img", "br"}
SVG_NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


class Page(HTMLParser):
    """Collect elements as (tag, attributes) and table rows as texts; fail on unclosed elements."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.open, self.rows, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):  # only in the plot: <path … />
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.rows[-1][-1] = " ".join(self.rows[-1][-1].split())

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def values(self, tag: str, attribute: str) -> list[str]:
        return [
            values[attribute]
            for name, values in self.elements
            if name == tag and attribute in values
        ]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def write(tmp_path, evaluations, *arguments, **kwargs) -> str:
    path = tmp_path / "report.html"
    write_report(path, evaluations, *arguments, **kwargs)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("methods", [["ours"], ["ours", "theirs", "others"]])
def test_page_is_complete(tmp_path, methods):
    evaluations = dict.fromkeys(methods, small_evaluation())
    page = Page(write(tmp_path, evaluations, small_pictures(*methods)))
    assert [page.count(tag) for tag in ("html", "title", "h1", "main", "svg")] == [1] * 5
    assert page.count("details") == len(methods)  # the objects of each
    # For three sequences: the first truth, and for each method 3, 4 and 1 scored frames.
    assert page.count("img") == 3 + (3 + 4 + 1) * len(methods)
    assert all(page.values("img", "alt"))
    assert len(page.values("img", "alt")) == page.count("img")
    assert len(page.values("th", "scope")) == page.count("th") > 0
    assert "nan" not in page.text.lower().split()


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    text = write(tmp_path, {"ours": small_evaluation()}, small_pictures("ours"))
    page = Page(text)
    sources = page.values("img", "src") + page.values("link", "href")
    assert all(source.startswith("data:") for source in sources)
    assert all(target.startswith("#") for target in page.values("use", "xlink:href"))
    assert page.values("script", "src") == []
    assert set(re.findall(r"https?:[^\s\"')]*", text)) <= SVG_NAMESPACES
    assert not re.search(r"url\((?!#)|@import|fetch\(", text)
    assert "default-src 'none'" in page.values("meta", "content")[2]


def test_figures_of_one_method(tmp_path):
    evaluation = small_evaluation()
    page = Page(write(tmp_path, {"ours": evaluation}))
    # The J means are 0.9, 0.7, 0.15 and 0.45; F is half of each; only the first category is seen.
    overall, seen, unseen = page.rows[2:5]
    assert overall[:4] == ["ours", "overall", "4", "55.0"]
    assert overall[-2:] == ["41.2", "50.0"]  # J&F, and G = (90 + 43.33 + 45 + 21.67) ÷ 4
    assert seen[:3] == ["seen", "1", "90.0"]
    assert unseen[:3] == ["unseen", "3", "43.3"]
    assert ["bad", "15.0", "7.5"] in page.rows  # the bars
    assert ["good", "80.0", "40.0"] in page.rows
    assert ["bad", "1", "cat", "4", "15.0", "0.0", "20.0", "7.5", "0.0", "10.0"] in page.rows
    assert "listed" in page.text
    assert (
        "Not scored, because the protocol scores none of their frames: short (object 1)."
        in page.text
    )
    assert ["short", "1", "–", "0", *["–"] * 6] in page.rows
    assert page.count("b") == 0  # a single method is not marked as best
    assert page.count("img") == 0  # no images were given


def test_no_G_column_without_G(tmp_path):
    page = Page(write(tmp_path, {"ours": evaluation_of(scores_of("one", [0.5]))}))
    assert page.rows[0][-1] == "J&F ↑"
    assert page.rows[2] == [
        "ours",
        "overall",
        "1",
        "50.0",
        "0.0",
        "0.0",
        "25.0",
        "0.0",
        "0.0",
        "37.5",
    ]


def test_best_of_each_column_is_bold():
    better = evaluation_of(scores_of("one", [0.9, 0.8, 0.7, 0.6]))
    steady = evaluation_of(scores_of("one", [0.6, 0.6, 0.6, 0.6]))
    rows = summary_rows({"better": better, "steady": steady})
    best = {method: [bold for _, bold in row.figures] for method, (row,) in rows.items()}
    assert best["better"] == [True, True, False, True, True, False, True, False]
    # Recall is 100 % for J and 0 % for F in both: ties are all bold. G has no value.
    assert best["steady"] == [False, True, True, False, True, True, False, False]


def test_nothing_is_bold_without_another_method():
    (row,) = summary_rows({"only": evaluation_of(scores_of("one", [0.9, 0.8, 0.7, 0.6]))})["only"]
    assert not any(bold for _, bold in row.figures)


def test_odd_names_are_escaped(tmp_path):
    text = write(tmp_path, {ODD: small_evaluation()}, small_pictures(ODD))
    page = Page(text)
    assert ODD not in text
    assert ODD in page.text
    assert any(row[:3] == [ODD, "3", ODD] for row in page.rows)
    assert any(f"of {ODD}, {ODD}: J 45.0 %" in alt for alt in page.values("img", "alt"))


def test_non_unicode_folder_name(tmp_path):
    page = Page(write(tmp_path, {"ours": evaluation_of(scores_of("caf\udce9", [0.5]))}))
    assert ["caf?", "50.0", "25.0"] in page.rows


def test_output_is_deterministic(tmp_path):
    evaluations = dict.fromkeys(["ours", "theirs"], small_evaluation())
    first = write(tmp_path, evaluations, small_pictures(*evaluations))
    assert write(tmp_path, evaluations, small_pictures(*evaluations)) == first


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_missing_extra_is_reported(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"{module}; run: pip install 'ytvos-keras\[plots\]'$"):
        check_plots_installed()
    with pytest.raises(InputError):
        write_report(tmp_path / "report.html", {"ours": small_evaluation()})


def test_extra_is_imported_lazily():
    code = (
        "import sys, ytvos_keras.evaluation.report; "
        "print([name for name in ('jinja2', 'matplotlib', 'tensorflow') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_evaluations_must_share_a_protocol(tmp_path):
    with pytest.raises(ValueError, match=r"the same protocol. Received: \[\]"):
        write_report(tmp_path / "report.html", {})
    mixed = {"a": evaluation_of(protocol="davis2016"), "b": evaluation_of(protocol="davis2017")}
    with pytest.raises(ValueError, match=r"Received: \['davis2016', 'davis2017'\]"):
        write_report(tmp_path / "report.html", mixed)


@pytest.mark.filterwarnings("error")
def test_objects_without_a_scored_frame(tmp_path):
    page = Page(
        write(tmp_path, {"ours": evaluation_of(scores_of("a", []))}, small_pictures("ours"))
    )
    assert page.rows[2] == ["ours", "overall", "0", *["–"] * 7]
    assert page.count("img") == 0


def test_differing_settings_are_shown_per_method(tmp_path):
    one = scores_of("a", [0.5])
    slow = evaluation_of(one, settings={"exclude_last": True, "seconds_per_frame": 9.0})
    fast = evaluation_of(one, settings={"exclude_last": True, "seconds_per_frame": 0.16})
    page = Page(write(tmp_path, {"slow": slow, "fast": fast}))
    assert "exclude last yes" in page.text
    assert "seconds per frame, slow 9.0 seconds per frame, fast 0.16" in page.text


def test_many_sequences_are_folded(tmp_path):
    objects = [scores_of(f"clip{place:03}", [place / 500]) for place in range(500)]
    page = Page(write(tmp_path, {"ours": evaluation_of(*reversed(objects))}))
    bars = [row for row in page.rows if len(row) == 3 and row[0].startswith("clip")]
    assert [row[0] for row in bars] == [f"clip{place:03}" for place in range(500)]
    assert "475 more sequences" in page.text
    assert page.count("details") == 2


def test_worst_first_averages_methods():
    def summaries(**J: float) -> dict[str, Summary]:
        return {name: Summary.of([scores_of(name, [value])]) for name, value in J.items()}

    methods = {"a": summaries(x=0.9, y=0.5, z=0.1), "b": summaries(x=0.2, y=0.5)}
    methods["b"]["unscored"] = Summary.of([])
    assert worst_first(methods) == ["z", "y", "x"]


def test_frame_means_are_over_the_objects_present():
    late = scores_of("a", [0.5] * 10)
    objects = [late, scores_of("a", [0.1, 0.3])]
    means = frame_means(objects)
    assert list(means) == [str(number) for number in range(1, 11)]  # 10 after 9
    assert [means["1"], means["2"], means["3"]] == pytest.approx([0.3, 0.4, 0.5])


def test_j_over_time():
    falling, single = scores_of("a", [1, 0]), scores_of("b", [0.5])
    np.testing.assert_allclose(j_over_time([falling]), np.linspace(1, 0, 101))
    np.testing.assert_allclose(j_over_time([single]), np.full(101, 0.5))
    both = j_over_time([falling, single, scores_of("c", [])])
    np.testing.assert_allclose(both, np.linspace(0.75, 0.25, 101))
    # Three frames are placed at 0, 50 and 100 %, regardless of the length of other objects.
    curve = j_over_time([scores_of("d", [0.2, 0.8, 0.4])])
    np.testing.assert_allclose(curve[[0, 25, 50, 75, 100]], [0.2, 0.5, 0.8, 0.6, 0.4])
    assert np.isnan(j_over_time([])).all()


def test_plot_has_the_text_colour_and_ignores_user_settings(monkeypatch):
    import matplotlib

    curves = {f"method {place}": np.full(101, place / 10) for place in range(10)}
    plot = plot_curves(curves)
    assert plot.startswith("<svg") and plot.endswith("</svg>")
    assert "currentColor" in plot and "#000000" not in plot
    assert plot.count("stroke-dasharray") == 2  # colours repeat from the ninth line on
    monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "red")
    assert plot_curves(curves) == plot


def test_choose_frames():
    assert choose_frames([]) == []
    assert choose_frames(["1"]) == ["1"]
    assert choose_frames(list("12345")) == list("12345")
    assert choose_frames(list("123456")) == list("23456")
    assert choose_frames([str(number) for number in range(71)]) == ["14", "28", "42", "56", "70"]


def test_strips_are_few_and_worst_first(tmp_path):
    done = []
    text = write(
        tmp_path,
        {"ours": small_evaluation()},
        small_pictures("ours"),
        strips=2,
        on_progress=lambda *numbers: done.append(numbers),
    )
    alts = Page(text).values("img", "alt")
    assert alts[0] == "Frame 0 of bad with its ground truth"
    assert alts[1] == "Frame 1 of bad, ours: J 30.0 %"
    assert [alt for alt in alts if "ground truth" in alt] == [alts[0], alts[5]]
    assert f"of {ODD}" in alts[5]
    assert done == [(1, 2), (2, 2)]
    assert "2 of 3 sequences" in Page(text).text


def test_strips_of_a_method_without_a_sequence(tmp_path):
    evaluations = {"ours": small_evaluation(), "theirs": evaluation_of(protocol="youtube-vos")}
    page = Page(write(tmp_path, evaluations, small_pictures("ours", "theirs", sequences=("bad",))))
    assert page.count("img") == 5
    assert not any("theirs" in alt for alt in page.values("img", "alt"))


def test_unreadable_image_keeps_the_old_page(tmp_path):
    old = write(tmp_path, {"ours": small_evaluation()})
    broken = small_pictures("ours")

    def fail(name):
        raise InputError(f"{name}: no such file.")

    broken["bad"].predictions["ours"] = fail
    with pytest.raises(InputError, match="1: no such file"):
        write_report(tmp_path / "report.html", {"ours": small_evaluation()}, broken)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == old


def decode(source: str) -> np.ndarray:
    kind, text = source.split(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))).astype(int)


def test_mask_is_tinted_and_truth_outlined():
    frame = np.full((30, 40, 3), 100, np.uint8)
    picture = decode(draw_mask(frame, disk(15, 10), disk(15, 28)))
    assert picture.shape == (30, 40, 3)
    red, green, blue = picture[15, 10]
    assert red > 130 and green < 100 and blue > 110  # in the prediction
    assert np.abs(picture[2, 2] - 100).max() < 10  # in neither
    assert np.abs(picture[15, 28] - 100).max() < 25  # inside the truth: not tinted
    assert picture[15, 20].min() > 180  # its outline
    assert picture[15, 37].max() < 90  # the dark rim around it


def test_mask_without_a_frame_is_drawn_on_grey():
    picture = decode(draw_mask(None, disk(15, 10)))
    assert np.abs(picture[2, 38] - picture[28, 38].mean()).max() < 5


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((480, 854), (180, 320)), ((640, 360), (240, 135)), ((1, 2000), (1, 320)), ((4, 4), (4, 4))],
)
def test_images_are_downscaled_and_keep_their_aspect_ratio(shape, drawn):
    frame = np.zeros((*shape, 3), np.uint8)
    assert decode(draw_mask(frame, np.zeros(shape, np.uint8))).shape[:2] == drawn


def test_frame_of_a_different_size_than_its_masks():
    frame = np.full((90, 120, 3), 200, np.uint8)
    assert decode(draw_mask(frame, disk(15, 10))).shape == (30, 40, 3)
