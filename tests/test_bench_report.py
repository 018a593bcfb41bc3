import json
import math

import pytest
from rich.console import Console

from ytvos_keras.bench.measure import Timing
from ytvos_keras.bench.report import Comparison, Figure, Report, Row
from ytvos_keras.media.json_file import read_json

MACHINE = {
    "cpu": "A processor with a rather long name, 16-Core, 3.9 GHz",
    "cores": 2,
    "load_average_before": 0.1,
    "tensorflow": "2.21.0",
    "keras": "3.15.0",
    "date": "2026-11-22T12:00:00+00:00",
}


@pytest.fixture
def report():
    slow, fast = Timing((0.4, 0.2, 0.3)), Timing((0.1, 0.1, 0.1))
    return Report(
        benchmark="toy",
        settings={"shape": (1, 10, 8), "models": ["a", "b"], "difference": 1.23456e-7},
        machine=MACHINE,
        rows=[
            Row({"layer": "reference [final]", "objects": 1}, slow.figures()),
            Row({"layer": "ours", "objects": 5}, fast.figures()),
        ],
        comparisons=[Comparison("ours against reference", slow, fast)],
        figures=[Figure("cost", 1.5, "cost of 5 objects: 1.50")],
        peak_memory_mb=123.4,
    )


def test_json_holds_every_figure(report, tmp_path):
    path = tmp_path / "new" / "report.json"
    report.write_json(path)
    content = json.loads(path.read_text())
    assert content.pop("comparisons") == [
        {
            "what": "ours against reference",
            "reference_s": 0.3,
            "ours_s": 0.1,
            "ratio": pytest.approx(3),
            "ratio_of_minima": pytest.approx(2),
        }
    ]
    assert content == {
        "benchmark": "toy",
        "settings": {"shape": [1, 10, 8], "models": ["a", "b"], "difference": 1.23456e-7},
        "machine": MACHINE,
        "rows": [
            {"layer": "reference [final]", "objects": 1, "median_s": 0.3, "minimum_s": 0.2},
            {"layer": "ours", "objects": 5, "median_s": 0.1, "minimum_s": 0.1},
        ],
        "figures": {"cost": 1.5},
        "peak_memory_mb": 123.4,
        "ratio": pytest.approx(3),
    }


def test_json_has_null_for_nan(tmp_path):
    row = Row({"layer": "a"}, {"median_s": math.nan, "minimum_s": 0.5})
    figure = Figure("cost", math.inf, "unknown")
    Report("toy", {"rate": (math.nan, 2)}, MACHINE, [row], figures=[figure]).write_json(
        tmp_path / "report.json"
    )
    content = read_json(tmp_path / "report.json")  # refuses NaN
    assert content["rows"] == [{"layer": "a", "median_s": None, "minimum_s": 0.5}]
    assert content["figures"] == {"cost": None}
    assert content["settings"] == {"rate": [None, 2]}


def test_no_ratio_without_a_baseline(report):
    alone = Report("toy", {}, MACHINE, report.rows)
    assert "ratio" not in alone.to_dict()


def test_print_fits_80_columns(report, capsys):
    report.print(Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())  # long lines are wrapped
    assert lines[0] == "toy: shape 1×10×8, models a/b, difference 1.2e-07"
    for expected in (
        "median, s",
        "reference [final]",
        "0.3000",
        "ours against reference: 3.00 times as fast (2.00 by the minima)",
        "cost of 5 objects: 1.50",
        "peak memory of the whole run: 123 MB",
        "2 cores (load before: 0.1)",
    ):
        assert expected in text
