"""Faults of a submission and their messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.errors import InputError, counted, listed


@dataclass(frozen=True)
class Fault:
    """One fault of a submission.

    Args:
        entry: the file or folder in the zip; for a fault of the whole zip, its name.
        problem: what is wrong, in one line.
    """

    entry: str
    problem: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.problem}"


class SubmissionError(InputError):
    """A submission has faults; `faults` are all of them."""

    def __init__(self, what: str | Path, faults: Sequence[Fault]):
        count = counted(len(faults), "fault")
        super().__init__(f"{what}: {count}; the first: {faults[0]}")
        self.faults = list(faults)


def missing_frames(frames: Sequence[str], missing: Sequence[str]) -> str:
    """Describe a problem: masks of a sequence are missing."""
    return f"{len(missing)} of {len(frames)} masks missing: {listed(missing)}"
