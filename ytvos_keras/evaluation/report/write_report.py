"""Write the HTML page of an evaluation."""

import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ytvos_keras import __version__
from ytvos_keras.errors import need
from ytvos_keras.evaluation.method_table import percent
from ytvos_keras.evaluation.report.curve import METHOD_COLOURS, j_over_time, plot_curves
from ytvos_keras.evaluation.report.facts import common_and_own, facts_of, rules_of, unscored
from ytvos_keras.evaluation.report.strips import SequencePictures, Strip, draw_strip
from ytvos_keras.evaluation.report.tables import (
    object_rows,
    sequence_summaries,
    summary_rows,
    worst_first,
)
from ytvos_keras.evaluation.results import Evaluation
from ytvos_keras.media.atomic import atomic_path

_NO_PICTURES: Mapping[str, SequencePictures] = types.MappingProxyType({})
_QUARTERS = slice(None, None, 25)  # of the curve, for the table beside it
_OPEN_ROWS = 25  # sequences shown initially


def check_plots_installed() -> None:
    """Raise an `InputError` before the work starts if the extra `plots` is missing."""
    need("jinja2", "matplotlib", extra="plots", what="An HTML report")


def write_report(
    path: str | Path,
    evaluations: Mapping[str, Evaluation],
    pictures: Mapping[str, SequencePictures] = _NO_PICTURES,
    *,
    strips: int = 12,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a self-contained HTML page that loads nothing from the network.

    It shows the summary, mean J over the length of the video (the paper's Figure 3), J and F of
    every sequence and object, and strips of frames (Figures 4 and 5), always worst first. The same
    input gives the same bytes.

    Args:
        path: the file to write, atomically; its folder is created.
        evaluations: the scores of each method, in the order of the page; all of one protocol.
        pictures: the images of each sequence; sequences without images have no strip.
        strips: how many sequences are drawn, 0 for none. Each takes about 120 kB per method.
        on_progress: called with sequences drawn and sequences to draw.

    Raises:
        InputError: the extra `plots` is not installed, or an image cannot be read.
        ValueError: there is no evaluation, or the protocols differ.
    """
    check_plots_installed()
    protocols = {evaluation.protocol for evaluation in evaluations.values()}
    if len(protocols) != 1:
        raise ValueError(
            f"evaluations must all have the same protocol. Received: {sorted(protocols)}"
        )
    summaries = {name: sequence_summaries(each) for name, each in evaluations.items()}
    order = worst_first(summaries)
    strips_of = [sequence for sequence in order if sequence in pictures][:strips]
    page = _render(
        {
            **_numbers(evaluations),
            "order": order,
            "summaries": summaries,
            "strips": _draw(strips_of, evaluations, pictures, on_progress),
        }
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        # A folder name may not be valid Unicode; write "?" instead of failing.
        part.write_text(page, encoding="utf-8", errors="replace")


def _numbers(evaluations: Mapping[str, Evaluation]) -> dict[str, object]:
    """Collect the numbers of methods and objects for the page."""
    common, own = common_and_own({name: facts_of(each) for name, each in evaluations.items()})
    curves = {name: j_over_time(each.objects) for name, each in evaluations.items()}
    return {
        "protocol": next(iter(evaluations.values())).protocol,
        "methods": {name: place % len(METHOD_COLOURS) for place, name in enumerate(evaluations)},
        "colours": METHOD_COLOURS,
        "rules": rules_of(evaluations.values()),
        "facts": common,
        "own_facts": own,
        "unscored": unscored(next(iter(evaluations.values()))),
        "summary": summary_rows(evaluations),
        "with_G": any(each.G is not None for each in evaluations.values()),
        "plot": plot_curves(curves),
        "quarters": {name: curve[_QUARTERS] for name, curve in curves.items()},
        "objects": {name: object_rows(each) for name, each in evaluations.items()},
    }


def _draw(
    sequences: Sequence[str],
    evaluations: Mapping[str, Evaluation],
    pictures: Mapping[str, SequencePictures],
    on_progress: Callable[[int, int], None] | None,
) -> list[Strip]:
    strips = []
    for sequence in sequences:
        strips.append(draw_strip(sequence, evaluations, pictures[sequence]))
        if on_progress:
            on_progress(len(strips), len(sequences))
    return strips


def _render(content: Mapping[str, object]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of sequences and methods may contain anything
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    template = environment.get_template("report.html.j2")
    return template.render(content, version=__version__, open_rows=_OPEN_ROWS)
