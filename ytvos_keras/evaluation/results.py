"""Results of an evaluation: scores of objects and their summaries."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ytvos_keras import __version__
from ytvos_keras.errors import counted
from ytvos_keras.evaluation.statistics import (
    Statistics,
    statistics_over_frames,
    statistics_over_objects,
)


@dataclass(frozen=True)
class ObjectScores:
    """J and F of one object, frame by frame.

    Args:
        sequence: name of the video.
        object_id: 1–254.
        category: None if the data set does not state it.
        frames: names of the scored frames, in order; may be empty (a clip of one or two frames).
        J: float64 (n,), 0–1, of these frames.
        F: float64 (n,), 0–1, of these frames.
    """

    sequence: str
    object_id: int
    category: str | None
    frames: tuple[str, ...]
    J: np.ndarray
    F: np.ndarray

    @functools.cached_property
    def J_statistics(self) -> Statistics:
        """Mean, recall and decay of J."""
        return statistics_over_frames(self.J)

    @functools.cached_property
    def F_statistics(self) -> Statistics:
        """Mean, recall and decay of F."""
        return statistics_over_frames(self.F)

    def to_dict(self) -> dict:
        """Convert to plain types for JSON; NaN becomes None."""
        return {
            "sequence": self.sequence,
            "object": self.object_id,
            "category": self.category,
            "J": _plain(self.J_statistics),
            "F": _plain(self.F_statistics),
            "frames": len(self.frames),
        }


@dataclass(frozen=True)
class Summary:
    """Statistics of a group of objects, averaged over its objects.

    Args:
        J: mean, recall and decay of J, as fractions; NaN without scored objects.
        F: mean, recall and decay of F, as fractions; NaN without scored objects.
        objects: number of scored objects.
    """

    J: Statistics
    F: Statistics
    objects: int

    @classmethod
    def of(cls, objects: Iterable[ObjectScores]) -> "Summary":
        """Average over objects that have a scored frame; `objects` is their number."""
        # An object without a scored frame has no mean; 0 or 1 in its place would shift the average.
        scored = [scores for scores in objects if scores.frames]
        return cls(
            J=statistics_over_objects(scores.J_statistics for scores in scored),
            F=statistics_over_objects(scores.F_statistics for scores in scored),
            objects=len(scored),
        )

    @property
    def J_and_F(self) -> float:
        """(mean J + mean F) ÷ 2."""
        return (self.J.mean + self.F.mean) / 2

    def to_dict(self) -> dict:
        """Convert to plain types for JSON; NaN becomes None."""
        return {"J": _plain(self.J), "F": _plain(self.F), "objects": self.objects}


@dataclass(frozen=True)
class Evaluation:
    """The scores of one method on one data set.

    Args:
        protocol: `davis2016`, `davis2017` or `youtube-vos`.
        objects: in the order of sequences, then ids.
        seen_categories: categories that count as seen in training; None if unknown, in which case
            `seen`, `unseen` and `G` are None, too.
        settings: other settings of the protocol, in plain types (`exclude_last`, `frames`, …).
    """

    protocol: str
    objects: tuple[ObjectScores, ...]
    seen_categories: frozenset[str] | None = None
    settings: dict = field(default_factory=dict)

    @functools.cached_property
    def overall(self) -> Summary:
        """All objects."""
        return Summary.of(self.objects)

    @functools.cached_property
    def seen(self) -> Summary | None:
        """Objects of categories that the model was trained on."""
        return self._group(seen=True)

    @functools.cached_property
    def unseen(self) -> Summary | None:
        """Objects of categories that the model was not trained on."""
        return self._group(seen=False)

    @property
    def G(self) -> float | None:
        """(J seen + J unseen + F seen + F unseen) ÷ 4; None unless both groups have objects."""
        if self.seen is None or self.unseen is None:
            return None
        # The mean of four numbers, so that many seen objects do not outweigh few unseen ones.
        return (self.seen.J_and_F + self.unseen.J_and_F) / 2

    @property
    def rule(self) -> str:
        """What was scored, and which frames were left out, in one line."""
        sequences = {scores.sequence for scores in self.objects if scores.frames}
        line = (
            f"{self.protocol}: {counted(self.overall.objects, 'object')} in "
            f"{counted(len(sequences), 'sequence')}; "
        )
        if self.protocol != "youtube-vos":
            return line + "first and last frame left out"
        left_out = "first and last" if self.settings.get("exclude_last") else "first"
        frames = self.settings.get("frames") or "not stated"
        return line + f"each object's {left_out} frame left out; frames given: {frames}"

    def to_dict(self) -> dict:
        """The content of `ytvos-eval --json`: fractions; NaN becomes None."""
        overall = self.overall
        return {
            "protocol": self.protocol,
            "rule": self.rule,
            "J": _plain(overall.J),
            "F": _plain(overall.F),
            "J&F": _number(overall.J_and_F),
            "G": self.G,
            "seen": self.seen.to_dict() if self.seen else None,
            "unseen": self.unseen.to_dict() if self.unseen else None,
            "objects": [scores.to_dict() for scores in self.objects],
            "settings": self.settings,
            "version": __version__,
        }

    def _group(self, seen: bool) -> Summary | None:
        """Summarize the objects of seen or unseen categories; None if none of them is scored."""
        if self.seen_categories is None:
            return None
        summary = Summary.of(
            scores
            for scores in self.objects
            if scores.category is not None and (scores.category in self.seen_categories) == seen
        )
        # Not NaN: a group without objects makes G undefined, which callers test for.
        return summary if summary.objects else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _plain(statistics: Statistics) -> dict[str, float | None]:
    return {name: _number(value) for name, value in statistics._asdict().items()}
