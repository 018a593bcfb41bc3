"""`ytvos-bench rough-masks`: J of the masks found from boxes, outlines, scribbles and clicks."""

import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.argument_types import positive, whole_number
from ytvos_keras.bench.arguments import add_videos, chosen
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Figure, Label, Report, Row
from ytvos_keras.errors import InputError
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np

NAME = "rough-masks"
SUMMARY = "J of the masks found from random boxes, outlines, scribbles and clicks"

_SMALLEST = 0.001  # of the frame: smaller objects are left out


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_videos(parser, model="s2s-lite-rough")
    parser.add_argument(
        "--frames",
        type=positive,
        default=6,
        metavar="N",
        help="annotated frames of each sequence, evenly spaced (default: 6)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="seed of the rough masks (default: 0)",
    )


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Replace true masks by random rough ones, and measure J of the masks found from them.

    The rough masks are those that the model is trained with, see `random_trimap`. Every object that
    covers at least 0.1 % of a frame counts. The means are over all masks.
    """
    import ytvos_keras
    from ytvos_keras.data.rough_masks import KINDS, random_trimap
    from ytvos_keras.data.seeds import generator
    from ytvos_keras.evaluation.region_similarity import region_similarity

    machine = describe_machine()  # before this benchmark adds to the load
    finder = ytvos_keras.inference.MaskFinder(ytvos_keras.load(arguments.model))
    scores: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rows = []
    videos = [_Annotated(arguments.videos, sequence) for sequence in arguments.sequences]
    for video in videos:  # errors now, not after hours
        video.check(arguments.frames)
    for n, (sequence, video) in enumerate(zip(arguments.sequences, videos, strict=True)):
        progress(sequence, n, len(arguments.sequences))
        count = len(scores[KINDS[0]])
        for frame, mask in video.masks(arguments.frames):
            for kind, found in scores.items():
                rng = generator(arguments.seed, kind, n, len(found))
                trimap = random_trimap(mask, rng, kind)
                found.append(100 * region_similarity(finder.find(frame, trimap), mask))
        rows += [_row(sequence, kind, found[count:]) for kind, found in scores.items()]
    return Report(
        benchmark=NAME,
        settings=chosen(arguments, "model", "frames", "seed"),
        machine=machine,
        rows=rows,
        figures=[
            Figure(
                f"J_{kind.replace(' ', '_')}",
                statistics.fmean(found),
                f"{kind}: mean J {statistics.fmean(found):.1f}, median "
                f"{statistics.median(found):.1f}, of {len(found)} masks",
            )
            for kind, found in scores.items()
        ],
        peak_memory_mb=peak_memory(),
    )


class _Annotated:
    """The frames and masks of a sequence."""

    def __init__(self, videos: Path, sequence: str):
        from ytvos_keras.datasets.sequence_folders import masks_of_frames
        from ytvos_keras.evaluation.score_videos import sequence_folders
        from ytvos_keras.media.folder_frames import FolderFrames

        folder, annotations = sequence_folders(videos, sequence)
        self.sequence = sequence
        self.frames = FolderFrames(folder)
        self.files = masks_of_frames(self.frames.names, annotations)

    def check(self, most: int) -> None:
        """Raise `InputError` if a mask cannot be read, or no object is large enough."""
        chosen = self._chosen(most)
        if sum(1 for name in chosen for _ in self._objects(name)) == 0:  # not `any`: reads all
            raise InputError(
                f"{self.sequence}: no object covers 0.1 % of any of the {len(chosen)} frames"
            )

    def masks(self, most: int) -> Iterator[tuple["np.ndarray", "np.ndarray"]]:
        """Yield frames, uint8 `(H, W, 3)`, and the mask of each object, boolean `(H, W)`."""
        chosen = self._chosen(most)
        wanted = {n for n, name in enumerate(self.frames.names) if name in chosen}
        for name, _, frame in self.frames.read_with_times(wanted=wanted.__contains__):
            for mask in self._objects(name):
                yield frame, mask

    def _chosen(self, most: int) -> set[str]:
        """The names of evenly spaced annotated frames."""
        import numpy as np

        annotated = [name for name in self.frames.names if name in self.files]
        places = np.linspace(0, len(annotated), min(most, len(annotated)), endpoint=False)
        return {annotated[round(place)] for place in places}

    def _objects(self, name: str) -> Iterator["np.ndarray"]:
        from ytvos_keras.media.masks import ids_in, read_mask

        labels, _ = read_mask(self.files[name], allow_empty=True)
        for object_id in ids_in(labels):
            mask = labels == object_id
            if mask.mean() >= _SMALLEST:
                yield mask


def _row(sequence: str, kind: str, scores: list[float]) -> Row:
    labels: dict[str, Label] = {
        "sequence": sequence,
        "rough mask": kind,
        "masks": len(scores),
    }
    return Row(labels, {"mean_J_percent": statistics.fmean(scores)})
