"""`ytvos-bench corrections`: how much a corrected frame improves the frames around it."""

import itertools
import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ytvos_keras.argument_types import whole_number
from ytvos_keras.bench.arguments import add_size, add_videos, chosen
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Figure, Report, Row
from ytvos_keras.errors import InputError
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

NAME = "corrections"
SUMMARY = "J of annotated videos before and after one true mask is given in a later frame"

_PLACES = (0.25, 0.5, 0.75)  # fractions of the video
_LATER, _BETWEEN = "later", "between"
_MEANING = {
    _LATER: "frames after a correction",
    _BETWEEN: "frames that follow from the first mask, if that of the last frame is also given",
}


class Gain(NamedTuple):
    """Mean J (0–1) of an object, without and with one additional mask, given in `frame`.

    `what` is `later`, for the frames after a correction, or `between`, for the first half of the
    frames between two given masks.
    """

    what: str
    frame: int
    object_id: int
    before: float
    after: float


class _Annotated(NamedTuple):
    """The first frames of a sequence, not read yet, and the masks of some by frame number."""

    frames: Iterator[Any]
    truths: dict[int, Any]

    @classmethod
    def open(cls, videos: Path, sequence: str, most: int | None) -> "_Annotated":
        from ytvos_keras.evaluation.score_videos import read_truths, sequence_folders
        from ytvos_keras.media.folder_frames import FolderFrames

        folder, annotations = sequence_folders(videos, sequence)
        frames = FolderFrames(folder)
        truths = read_truths(frames.names, annotations)
        found = {t: truths[name] for t, name in enumerate(frames.names[:most]) if name in truths}
        if len(found) < 3:
            raise InputError(
                f"{annotations}: only {len(found)} of the first {most} frames have a mask, but at "
                "least 3 are needed; use more --frames"
            )
        return cls((frame for _, frame in itertools.islice(frames, most)), found)


class _Video:
    """An annotated video, and the J of its frames without corrections."""

    def __init__(self, segmenter: Any, video: _Annotated):
        self.segmenter = segmenter
        self.frames = list(video.frames)
        self.truths = video.truths
        segmenter.reset()
        self.ids = segmenter.add_objects(self.truths[0])
        wanted = {self._annotated_near(place * len(self.frames)) for place in _PLACES}
        self.places = sorted(wanted - {0})  # the mask of frame 0 is given anyway
        self.states: dict[int, Any] = {}  # before the frame at each of these places
        self.before = dict(self._follow(0, len(self.frames), keep=True))

    def gains(self) -> list[Gain]:
        """Measure the gains of masks at three places, one at a time, and of the last frame's."""
        found = []
        for place in self.places:
            # Resume just before the frame: the correction does not affect earlier frames.
            self.segmenter.restore(self.states[place])
            given = self._give(place)
            found += self._gain(_LATER, place, range(place, len(self.frames)), given)
        last = max(self.truths)
        self.segmenter.reset()
        if given := self._give(last):
            self.segmenter.step(self.frames[last])
            self._give(0)
            # Only the first half: frames nearer to the last mask would be segmented from that one.
            found += self._gain(_BETWEEN, last, range(last // 2 + 1), given)
        return found

    def _annotated_near(self, place: float) -> int:
        return min(self.truths, key=lambda t: abs(t - place))

    def _gain(self, what: str, place: int, frames: range, given: list[int]) -> list[Gain]:
        """The gains of the objects whose masks were given."""
        import numpy as np

        after = dict(self._follow(frames.start, frames.stop))
        # The frame of the mask itself does not count, as its true mask was given.
        scored = [t for t in after if t != frames.start]
        if not scored:
            return []
        means = [np.mean([j[t] for t in scored], axis=0) for j in (self.before, after)]
        return [
            Gain(what, place, i, float(before), float(better))
            for i, before, better in zip(self.ids, *means, strict=True)
            if i in given
        ]

    def _give(self, frame: int) -> list[int]:
        """Give the model the true masks of a frame; return the objects in it."""
        import numpy as np

        truth = self.truths[frame]
        # Objects that appear later are not tracked, so they cannot be compared.
        masks = np.where(np.isin(truth, self.ids), truth, 0).astype(np.uint8)
        return self.segmenter.add_objects(masks) if masks.any() else []

    def _follow(self, start: int, stop: int, keep: bool = False):
        """Yield (frame, J of all objects) for the annotated frames."""
        from ytvos_keras.evaluation.frame_scores import score_frame

        for t in range(start, stop):
            if keep and t in self.places:
                self.states[t] = self.segmenter.video
            labels = self.segmenter.step(self.frames[t])
            if t in self.truths:
                yield t, score_frame(labels, self.truths[t], self.ids)[0]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_videos(parser)
    parser.add_argument(
        "--frames",
        type=whole_number(3),
        metavar="N",
        help="at most N of each sequence (default: all)",
    )
    add_size(parser, None, "working frame")


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Segment every sequence from its first mask, then again with one more true mask.

    `later`: the mask of the frame at a quarter, half and three quarters of the video is given when
    the model gets there; J is the mean over the frames after it. `between`: the masks of the first
    and of the last frame are known from the start; J is the mean over the first half of the frames.
    """
    import ytvos_keras

    machine = describe_machine()  # before this benchmark adds to the load
    segmenter = ytvos_keras.Segmenter(ytvos_keras.load(arguments.model), arguments.size)
    found: list[Gain] = []
    rows = []
    most, names = arguments.frames, arguments.sequences
    for sequence in names:  # errors now, not after hours; not kept, as masks take memory
        _Annotated.open(arguments.videos, sequence, most)
    for n, sequence in enumerate(names):
        progress(sequence, n, len(names))
        video = _Annotated.open(arguments.videos, sequence, most)
        gains = _Video(segmenter, video).gains()
        rows += [_row(sequence, gain) for gain in gains]
        found += gains
    if not rows:
        raise InputError("no object appears in a later annotated frame of these sequences")
    return Report(
        benchmark=NAME,
        settings={
            **chosen(arguments, "model"),
            "frames": arguments.frames or "all",
            "size": arguments.size or "the model's own",
        },
        machine=machine,
        rows=rows,
        figures=[figure for what in _MEANING for figure in _figures(what, found)],
        peak_memory_mb=peak_memory(),
    )


def _row(sequence: str, gain: Gain) -> Row:
    mask = f"{gain.what} {gain.frame}"
    before, after = 100 * gain.before, 100 * gain.after
    return Row(
        {"sequence": sequence.rpartition("/")[2], "mask": mask, "object": gain.object_id},
        {"J_percent": before, "new_J_percent": after, "gain_percent": after - before},
    )


def _figures(what: str, found: list[Gain]) -> list[Figure]:
    gains = [100 * (gain.after - gain.before) for gain in found if gain.what == what]
    if not gains:
        return []
    mean, worse = statistics.fmean(gains), sum(gain < -1 for gain in gains)
    return [
        Figure(f"gain_{what}", mean, f"{what}: J {mean:+.1f} points in the {_MEANING[what]}"),
        Figure(
            f"worse_{what}",
            worse,
            f"{what}: {worse} of {len(gains)} objects worse by more than one point",
        ),
    ]
