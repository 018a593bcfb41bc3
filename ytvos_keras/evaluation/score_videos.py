"""Score models and baselines on annotated videos.

    python -m ytvos_keras.evaluation.score_videos VIDEOS --sequences SOURCE/SEQUENCE … [--flow]

VIDEOS contains `<source>/{JPEGImages,Annotations}/<sequence>/`. Every object in the first mask is
tracked to the end of the video. The annotated frames are scored by the rules of DAVIS 2017 (see
`evaluate`).
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from ytvos_keras.datasets.sequence_folders import masks_of_frames
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.baselines import CopiedMask, FlowPropagation
from ytvos_keras.evaluation.evaluate import evaluate
from ytvos_keras.evaluation.results import ObjectScores, Summary
from ytvos_keras.media.folder_frames import FolderFrames
from ytvos_keras.media.masks import read_mask


class SequenceScores(NamedTuple):
    """Scores of a sequence, and the seconds of the step of each frame, annotated or not."""

    objects: list[ObjectScores]
    seconds: list[float]


class Method(Protocol):
    """A `Segmenter` or a baseline."""

    def reset(self) -> None: ...
    def add_objects(self, label_map: np.ndarray) -> list[int]: ...
    def step(self, frame: np.ndarray) -> np.ndarray: ...


def score_sequence(method: Method, frames: Path, annotations: Path) -> SequenceScores:
    """Segment one sequence and score it.

    `frames` is a folder of frames, `annotations` one of index PNGs of the same names. The first
    frame needs a PNG, and so do at least two others; frames without one are not scored.
    """
    source = FolderFrames(frames)
    truths = {
        name: read_mask(file, allow_empty=True)[0]
        for name, file in masks_of_frames(source.names, annotations).items()
    }
    if source.names[0] not in truths or len(truths) < 3:
        raise InputError(f"{annotations}: needs a mask of the first frame and at least two more")
    method.reset()
    method.add_objects(truths[source.names[0]])
    predictions, seconds = [], []
    for name, frame in source:
        begin = time.perf_counter()
        labels = method.step(frame)
        # Only the step is timed, as reading frames is the same for all methods.
        seconds.append(time.perf_counter() - begin)
        if name in truths:
            predictions.append(labels)
    annotated = list(truths.values())
    sequence = annotations.name
    # Only annotated frames are passed, so the protocol's first and last frames are among them.
    result = evaluate(
        {sequence: np.stack(predictions)}, {sequence: np.stack(annotated)}, "davis2017"
    )
    return SequenceScores(list(result.objects), seconds)


def sequence_folders(videos: Path, sequence: str) -> tuple[Path, Path]:
    """The folders of the frames and of the annotations of `SOURCE/SEQUENCE`."""
    source, _, name = sequence.partition("/")
    return videos / source / "JPEGImages" / name, videos / source / "Annotations" / name


def _cells(objects: Sequence[ObjectScores]) -> list[str]:
    summary = Summary.of(objects)
    return [f"{100 * mean:.1f}" for mean in (summary.J.mean, summary.F.mean)]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _names(models: Sequence[str]) -> dict[str, str]:
    """What to call each model: the stem of its path, or the path if several have that stem."""
    stems = {model: Path(model).stem for model in models}
    count = Counter(stems.values())
    return {model: stem if count[stem] == 1 else model for model, stem in stems.items()}


def main() -> None:
    """Print a Markdown table, or an error in one line."""
    arguments = _parser().parse_args()
    try:
        _score(arguments)
    # As in `cli.common.run`, which only commands can import.
    except (InputError, OSError) as error:
        raise SystemExit(f"error: {' '.join(str(error).split())}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--sequences", nargs="+", required=True, metavar="SOURCE/SEQUENCE")
    parser.add_argument("--model", nargs="+", default=["s2s-lite"], metavar="NAME|PATH")
    parser.add_argument("--flow", action="store_true", help="also OpenCV's DIS optical flow")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    return parser


def _score(arguments: argparse.Namespace) -> None:
    import ytvos_keras

    methods: dict[str, Method] = {
        name: ytvos_keras.Segmenter(ytvos_keras.load(model), arguments.size)
        for model, name in _names(arguments.model).items()
    }
    if arguments.flow:
        methods["DIS flow"] = FlowPropagation()
    methods["copied mask"] = CopiedMask()
    figures = [f"{figure} {name}" for name in methods for figure in ("J", "F")]
    print(_row("sequence", "frames", "objects", *figures, "s/frame"))
    print("|---" * (len(figures) + 4) + "|")
    found: dict[str, list[ObjectScores]] = {name: [] for name in methods}
    for sequence in arguments.sequences:
        folders = sequence_folders(arguments.videos, sequence)
        scores = {name: score_sequence(method, *folders) for name, method in methods.items()}
        for method, own in scores.items():
            found[method] += own.objects
        first = next(iter(scores.values()))
        cells = [cell for own in scores.values() for cell in _cells(own.objects)]
        seconds = f"{statistics.median(first.seconds):.3f}"
        counts = len(first.seconds), len(first.objects)
        print(_row(sequence, *counts, *cells, seconds), flush=True)
    cells = [cell for objects in found.values() for cell in _cells(objects)]
    print(_row("mean over objects", "", len(found["copied mask"]), *cells, ""))


if __name__ == "__main__":
    main()
