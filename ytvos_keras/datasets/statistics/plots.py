"""Plots of the statistics of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ytvos_keras.datasets.statistics.measure import DatasetStatistics
from ytvos_keras.errors import InputError, need
from ytvos_keras.media.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUFFIXES = (".png", ".svg", ".pdf")
_COLOUR = "#3d85c6"
_CATEGORIES = 25  # bars; more would be illegible
_STYLE = {
    "svg.hashsalt": "ytvos-keras",  # reproducible ids
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a name may contain a $
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
}


def check_plot_path(path: str | Path) -> Path:
    """Make sure that plots can be drawn into a file, without drawing them."""
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path}: plots need a file name that ends in {', '.join(_SUFFIXES)}.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; create it first.")
    need("matplotlib", extra="plots", what="drawing plots")
    return path


def write_plots(path: str | Path, statistics: DatasetStatistics, title: str) -> None:
    """Draw objects per video, area of masks, length of clips and objects by category.

    Writes a PNG, SVG or PDF, depending on the suffix, atomically; see `check_plot_path`.
    """
    path = check_plot_path(path)
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", _STYLE]):
        figure = Figure(figsize=(10, 8), layout="constrained")
        figure.suptitle(f"{title}: {_summary(statistics)}")
        (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
        _plot_objects(top_left, statistics.objects_per_video)
        _plot_areas(top_right, statistics.area_shares)
        _plot_lengths(bottom_left, statistics)
        _plot_categories(bottom_right, statistics)
        kind = path.suffix[1:].lower()
        dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
        with atomic_path(path) as part:
            figure.savefig(part, format=kind, dpi=120, metadata=dateless)


def _summary(statistics: DatasetStatistics) -> str:
    values = statistics.table_1
    minutes = values.pop("minutes")
    counts = ", ".join(f"{count:,} {name}" for name, count in values.items())
    return f"{counts}, {minutes:,.1f} minutes"


def _plot_objects(axes: "Axes", objects: np.ndarray) -> None:
    counts = np.bincount(objects)
    axes.bar(range(len(counts)), counts, color=_COLOUR)
    axes.set(xlabel="objects in a video", ylabel="videos", title="Objects per video")
    axes.locator_params(axis="x", integer=True)


def _plot_areas(axes: "Axes", shares: np.ndarray) -> None:
    axes.set(xlabel="share of the frame, %", ylabel="annotations", title="Area of masks")
    if not shares.size:
        _say_nothing(axes, "no masks")
        return
    percent = 100.0 * shares
    # A little below the smallest area, so that rounding leaves it in the first bin.
    axes.hist(percent, np.geomspace(percent.min() / 1.01, 100.0, 41).tolist(), color=_COLOUR)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")


def _plot_lengths(axes: "Axes", statistics: DatasetStatistics) -> None:
    axes.set(ylabel="videos", title="Length of clips")
    if not statistics.seconds.any():
        _say_nothing(axes, "images: every clip is one frame")
        return
    axes.hist(statistics.seconds, 40, color=_COLOUR)
    frames = statistics.clip_lengths
    axes.set_xlabel(
        f"seconds (frames: {frames.min():,} to {frames.max():,}, median {np.median(frames):,.0f})"
    )


def _plot_categories(axes: "Axes", statistics: DatasetStatistics) -> None:
    categories = list(statistics.categories.items())
    shown = categories[:_CATEGORIES]
    title = "Objects per category"
    if len(categories) > len(shown):
        title += f" (the first {len(shown)} of {len(categories)})"
    axes.set(xlabel="objects", title=title)
    if not shown:
        _say_nothing(axes, "no object has a category")
        return
    axes.barh([name for name, _ in shown], [count for _, count in shown], color=_COLOUR)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7 if len(shown) > 15 else 9)
    axes.locator_params(axis="x", integer=True)


def _say_nothing(axes: "Axes", why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()
