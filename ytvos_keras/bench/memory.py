"""`ytvos-bench memory`: the peak memory of segmenting a short and a long video."""

import tempfile
import time
from argparse import ArgumentParser, Namespace
from importlib import resources
from pathlib import Path

from ytvos_keras.argument_types import list_of, positive
from ytvos_keras.bench.arguments import add_model, chosen
from ytvos_keras.bench.child_process import ChildProcess
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Figure, Report, Row
from ytvos_keras.progress import Progress, silent

NAME = "memory"
SUMMARY = "peak memory of segmenting videos of several lengths"
NEEDS_TENSORFLOW = False  # only the separate processes do

# A separate process for each video: the peak memory of a process never falls.
_WORKER = """
import sys
from ytvos_keras.processes import peak_memory
from ytvos_keras.inference.file_segmentation import segment_files
video, mask, output, model = sys.argv[1:]
segment_files(video, mask, output, model)
print(peak_memory() or "nan")
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_model(parser, "trained model")
    parser.add_argument(
        "--frames",
        type=list_of(positive),
        default=[50, 1000],
        metavar="N,…",
        help="lengths of the videos (default: 50,1000)",
    )


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Segment video files made by playing the bundled clip back and forth to each length.

    Covers all that `ytvos-segment` does, from the video file to the mask files.
    """
    machine = describe_machine()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n, frames in enumerate(arguments.frames):
            progress(f"{frames} frames", n, len(arguments.frames))
            video = Path(folder, f"{frames}.mp4")
            _write_video(video, frames)
            rows.append(_measure(video, Path(folder, str(frames)), arguments.model, frames))
    peaks = [row.figures["peak_memory_mb"] for row in rows]
    spread = max(peaks) - min(peaks)
    return Report(
        benchmark=NAME,
        settings=chosen(arguments, "model", "frames"),
        machine=machine,
        rows=rows,
        figures=[Figure("spread_mb", spread, f"largest minus smallest peak: {spread:.0f} MB")],
    )


def _measure(video: Path, output: Path, model: str, frames: int) -> Row:
    mask = resources.files("ytvos_keras") / "assets" / "demo" / "bunny_first_mask.png"
    start = time.perf_counter()
    with ChildProcess(_WORKER, video, mask, output, model) as child:
        printed = child.output.read()
        child.check(f"segmenting {frames} frames")
    seconds = time.perf_counter() - start
    # The last word: libraries may print before it.
    peak = float(printed.split()[-1])
    return Row({"frames": frames}, {"peak_memory_mb": peak, "whole_run_s": seconds})


def _write_video(path: Path, frames: int) -> None:
    from ytvos_keras.media import open_frames
    from ytvos_keras.media.video import VideoWriter

    clip = resources.files("ytvos_keras") / "assets" / "demo" / "bunny.mp4"
    source = open_frames(Path(str(clip)))
    pictures = [picture for _, picture in source]
    # Then backward, without the first and last frames, which would otherwise appear twice in a row.
    pictures += pictures[-2:0:-1]
    with VideoWriter(path, source.fps or 25) as video:
        for n in range(frames):
            video.write(pictures[n % len(pictures)])
