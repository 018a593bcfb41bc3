"""Plot loss and J over the steps of a run."""

import csv
import itertools
from importlib.util import find_spec
from pathlib import Path

from ytvos_keras.media.atomic import atomic_path

_PAIRS = (("loss", "val_loss", "loss"), ("J", "val_J", "J"))


def can_plot() -> bool:
    """Whether Matplotlib is installed."""
    return find_spec("matplotlib") is not None


def plot_curves(log: Path, path: Path) -> None:
    """Plot the `log.csv` of a run to a PNG, written atomically. Needs Matplotlib."""
    from matplotlib.figure import Figure

    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Not pyplot, which needs a backend and keeps every figure.
    figure = Figure(figsize=(8, 3), layout="constrained")
    for axes, (own, validation, title) in zip(figure.subplots(1, 2), _PAIRS, strict=True):
        for name, label in ((own, "training"), (validation, "validation")):
            points = [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker=".")
        for begin in _stage_ends(rows):
            axes.axvline(begin, color="0.7", linewidth=1, linestyle=":")
        axes.set(title=title, xlabel="steps")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1 if own == "J" else None)
    axes.legend(frameon=False)
    with atomic_path(path) as part:
        # Without Matplotlib's version in the file, equal logs give identical files.
        figure.savefig(part, dpi=120, format="png", metadata={"Software": None})


def _stage_ends(rows: list[dict]) -> list[int]:
    """Steps after which a new stage begins."""
    pairs = itertools.pairwise(rows)
    return [int(row["step"]) for row, after in pairs if row["stage"] != after["stage"]]
