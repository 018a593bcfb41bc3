"""The report of a check, as text and as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytvos_keras.datasets.check.faults import KINDS, Fault
from ytvos_keras.errors import counted


@dataclass(frozen=True)
class CheckReport:
    """The faults of a data set.

    Args:
        root: the data set.
        videos: number of videos that were checked.
        frames: number of their frames.
        faults: including notes; paths inside `root` are relative to it.
    """

    root: Path
    videos: int
    frames: int
    faults: tuple[Fault, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there are no faults; notes do not count."""
        return all(fault.is_note for fault in self.faults)

    def lines(self) -> list[str]:
        """The faults by kind, then a summary line."""
        lines = []
        for kind, faults in self._by_kind():
            lines.append(f"{kind} ({len(faults)}): {KINDS[kind].meaning}. {KINDS[kind].fix}")
            width = min(max(len(fault.file) for fault in faults), 60)
            lines += [f"  {fault.file:{width}}  {fault.what}".rstrip() for fault in faults]
        return [*lines, self.summary()]

    def summary(self) -> str:
        """One line: how many faults and notes in how many videos."""
        serious = [fault for fault in self.faults if not fault.is_note]
        notes = len(self.faults) - len(serious)
        repairable = sum(fault.repair is not None for fault in serious)
        return (
            f"{self.root}: {counted(len(serious), 'fault') if serious else 'no fault'}"
            + (f" ({repairable} can be repaired: --fix)" if repairable else "")
            + (f", {counted(notes, 'note')}" if notes else "")
            + f" in {counted(self.videos, 'video')}, {counted(self.frames, 'frame')}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain types for JSON."""
        return {
            "root": str(self.root),
            "videos": self.videos,
            "frames": self.frames,
            "clean": self.is_clean,
            "faults": [
                {
                    "kind": fault.kind,
                    "file": fault.file,
                    "what": fault.what,
                    "fix": fault.fix,
                    "repair": fault.repair,
                    "note": fault.is_note,
                }
                for fault in self.faults
            ],
        }

    def _by_kind(self) -> Iterator[tuple[str, list[Fault]]]:
        """The kinds that occur, in the order of `KINDS`, with their faults."""
        for kind in KINDS:
            if faults := [fault for fault in self.faults if fault.kind == kind]:
                yield kind, faults
