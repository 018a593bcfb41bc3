"""Check every frame and mask of a data set in folders."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.check.report import CheckReport
from ytvos_keras.datasets.check.video_check import check_video
from ytvos_keras.datasets.video import Video
from ytvos_keras.processes import map_in_processes
from ytvos_keras.progress import Progress, silent

_FRAMES_AT_ONCE = 32  # per process and task: about 0.2 s of work


def check_videos(
    videos: Sequence[Video],
    *,
    root: str | Path,
    faults: Sequence[Fault] = (),
    jobs: int = 1,
    on_progress: Progress = silent,
) -> CheckReport:
    """Decode every frame and mask of videos listed by a reader, and list their faults.

    Args:
        videos: in any order.
        root: files in the report are named relative to this folder.
        faults: faults found while listing the videos; the report includes them.
        jobs: processes.
        on_progress: called with (stage, frames done, total frames).
    """
    root = Path(root)
    frames = sum(len(video.frames) for video in videos)
    # Images are videos of one frame, so a task has many of them.
    chunk = max(1, _FRAMES_AT_ONCE * len(videos) // max(frames, 1))
    found = list(faults)
    digests: dict[str, tuple[bytes, ...]] = {}
    done = 0
    results = map_in_processes(check_video, videos, jobs, chunk=chunk, what="checks frames")
    for video, findings in zip(videos, results, strict=True):
        found += findings.faults
        digests[video.name] = findings.digests
        done += len(video.frames)
        on_progress("check", done, frames)
    found += _shared_frames(digests)
    return CheckReport(root, len(videos), frames, tuple(_relative(found, root)))


def _shared_frames(digests: dict[str, tuple[bytes, ...]]) -> Iterator[Fault]:
    """Note every pair of videos that share identical frames."""
    first: dict[bytes, str] = {}
    for name, frames in digests.items():
        own = {digest for digest in frames if digest}
        # Sorted, because the order of a set varies.
        shared = Counter(sorted(first[digest] for digest in own & first.keys()))
        for other, count in shared.items():
            whole = len(own) == 1 == count
            what = "the same image as" if whole else f"{count} of its {len(frames)} frames are in"
            yield Fault("shared-frames", name, f"{what} {other}")
        for digest in own:
            # After the comparison, so that a video is not paired with itself.
            first.setdefault(digest, name)


def _relative(faults: Sequence[Fault], root: Path) -> Iterator[Fault]:
    """Name files relative to the root. `repair` ignores what lies outside, even through a link."""
    for fault in faults:
        path = Path(fault.file)
        # Files of another data set, to which this one links, stay as they are.
        if fault.repair is not None and not path.resolve().is_relative_to(root.resolve()):
            fault = replace(fault, repair=None)
        # Not resolved, as a file may be a link; absolute, as either path may be relative.
        if path.absolute().is_relative_to(root.absolute()):
            inside = path.absolute().relative_to(root.absolute())
            fault = replace(fault, file=inside.as_posix())
        yield fault
