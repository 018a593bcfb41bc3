"""Mean J over the length of the video: the paper's Figure 3."""

import io
from collections.abc import Iterable, Mapping

import numpy as np

from ytvos_keras.evaluation.results import ObjectScores

POSITIONS = np.linspace(0, 100, 101)  # in percent of an object's scored frames
POSITIONS.flags.writeable = False  # shared by every caller

# Legible on white and on black. They repeat after eight methods.
METHOD_COLOURS = (
    "#3d85c6",
    "#e0702e",
    "#3a9d6e",
    "#b565b5",
    "#c29a1c",
    "#d64f6a",
    "#2fa3b5",
    "#8a8a8a",
)
_INK = "#010203"  # replaced by the colour of the page's text, which may be light or dark
_STYLE = {
    "svg.fonttype": "none",  # text, not outlines: smaller, and in the font of the page
    "svg.hashsalt": "ytvos-keras",  # the same ids in every run
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def j_over_time(objects: Iterable[ObjectScores]) -> np.ndarray:
    """Mean J of all objects at each percent of the video: float64 (101,), 0–1, at `POSITIONS`.

    The scored frames of an object are spread evenly from 0 % (the first) to 100 % (the last), with
    linear interpolation in between, and the curves of all objects are averaged with equal weights.
    For an object that appears late, 0 % is where it appears. A single scored frame gives a flat
    curve; objects without scored frames are left out. NaN if none is left.

    References:
        - Figure 3 of the paper. It does not say how videos of different lengths were averaged.
    """
    curves = [
        np.interp(POSITIONS, np.linspace(0, 100, len(scores.J)), scores.J)
        for scores in objects
        if scores.frames
    ]
    return np.mean(curves, axis=0) if curves else np.full(len(POSITIONS), np.nan)


def plot_curves(curves: Mapping[str, np.ndarray]) -> str:
    """Plot the `j_over_time` of each method as an `<svg>` element.

    There is no legend: the names are on the page, which can show any character. Text and axes have
    the colour of the surrounding text. The same curves give the same bytes.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", _STYLE]):
        figure = Figure(figsize=(5.8, 3.3), layout="constrained")
        axes = figure.add_subplot()
        for index, curve in enumerate(curves.values()):
            # Beyond eight methods, colours repeat, so lines are dashed.
            style = "-" if index < len(METHOD_COLOURS) else "--"
            colour = METHOD_COLOURS[index % len(METHOD_COLOURS)]
            axes.plot(POSITIONS, 100 * curve, style, color=colour, linewidth=2)
        axes.set(xlim=(0, 100), ylim=(0, 100))
        axes.set(xlabel="position in the video, %", ylabel="mean J, %")
        axes.set_xticks(range(0, 101, 25))
        axes.grid()
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    text = file.getvalue()
    # Without the XML declaration, which has no place inside HTML.
    return text[text.index("<svg") :].replace(_INK, "currentColor").strip()
