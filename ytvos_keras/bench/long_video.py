"""`ytvos-bench long`: speed and memory over the length of a long video."""

import math
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ytvos_keras.argument_types import positive
from ytvos_keras.bench.arguments import add_model, add_size, chosen
from ytvos_keras.bench.child_process import ChildProcess
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Figure, Report, Row
from ytvos_keras.bench.textured_videos import make_videos
from ytvos_keras.progress import Progress, silent

NAME = "long"
SUMMARY = "speed and memory at the beginning and at the end of a long video"
NEEDS_TENSORFLOW = False  # only the separate process does

SCENE = 200  # frames between two cuts
WINDOW = 100  # frames that a figure summarizes
MOST_SPREAD = 50  # MB
MOST_SLOWDOWN = 1.1

# A separate process, whose memory does not include making the video. Prints a line per frame.
_WORKER = """
import sys, time
from ytvos_keras.processes import peak_memory, resident_memory
from ytvos_keras.inference.file_segmentation import segment_files
frames, mask, output, model, height, width = sys.argv[1:]
size = int(height), int(width)
def tell(stage, done, total):
    print(time.perf_counter(), resident_memory() or peak_memory() or "nan", flush=True)
segment_files(frames, mask, output, model, size=size, on_progress=tell)
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    add_model(parser, "trained model")
    parser.add_argument(
        "--frames",
        type=_enough,
        default=2000,
        metavar="N",
        help=f"length of the video, at least {2 * WINDOW} (default: %(default)s)",
    )
    add_size(parser, (128, 224), "video and of the working frame")


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Segment synthetic scenes with cuts, from JPEG files to mask files.

    An object of the first scene is tracked throughout, so it is absent from all other scenes.
    """
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder, "frames")
        _write_frames(frames, arguments.frames, arguments.size, progress)
        times, memory = _segment(frames, arguments, progress)
    windows = _windows(arguments.frames)
    rows = [
        Row({"frames": f"{begin + 1}-{begin + WINDOW}"}, _figures(times, memory, begin))
        for begin in windows
    ]
    return Report(
        benchmark=NAME,
        settings={"frames_per_scene": SCENE, **chosen(arguments, "model", "frames", "size")},
        machine=machine,
        rows=rows,
        figures=_verdicts(rows, memory),
    )


def _write_frames(folder: Path, count: int, size: tuple[int, int], progress: Progress) -> None:
    """Write `<folder>/00000.jpg` …, and `<folder>/../mask.png` for the first of them."""
    folder.mkdir()
    # Rounded up: the last scene may be cut short. Only the first frame of a scene has a mask.
    scenes = make_videos(-(-count // SCENE), SCENE, size, annotated_every=SCENE)
    index = 0
    for scene in scenes:
        for frame in scene.frames[: count - index]:
            if index == 0 and frame.mask is not None:
                (folder.parent / "mask.png").write_bytes(frame.mask.read_bytes())
            (folder / f"{index:05d}.jpg").write_bytes(frame.image.read_bytes())
            index += 1
        progress("making the video", index, count)


def _segment(
    frames: Path, arguments: Namespace, progress: Progress
) -> tuple[list[float], list[float]]:
    """Return, after each frame, the time in seconds and the resident memory in MB."""
    paths = [frames, frames.parent / "mask.png", frames.parent / "masks"]
    times, memory = [], []
    with ChildProcess(_WORKER, *paths, arguments.model, *arguments.size) as child:
        for line in child.output:
            now, resident = map(float, line.split())
            times.append(now)
            memory.append(resident)
            progress("segmenting", len(times), arguments.frames)
        child.check("segmenting")
    if len(times) != arguments.frames:
        raise RuntimeError(f"segmenting ended after {len(times)} of {arguments.frames} frames")
    return times, memory


def _windows(count: int) -> list[int]:
    """First frames of the first, middle and last window; no middle one if it would overlap."""
    middle = [(count - WINDOW) // 2] if count >= 3 * WINDOW else []
    return [0, *middle, count - WINDOW]


def _figures(times: Sequence[float], memory: Sequence[float], begin: int) -> dict[str, float]:
    """Median time between frames, unaffected by start-up and saving, and memory at the end."""
    end = begin + WINDOW
    steps = [times[n + 1] - times[n] for n in range(begin, end - 1)]
    return {"median_s": median(steps), "resident_memory_mb": memory[end - 1]}


def _verdicts(rows: Sequence[Row], memory: Sequence[float]) -> list[Figure]:
    # Tracing, which allocates most, happens in the first frames.
    after = memory[WINDOW - 1 :]
    spread = max(after) - min(after)
    verdicts = []
    if not math.isnan(spread):  # not reported by every system
        flat = "flat within" if spread <= MOST_SPREAD else "NOT flat within"
        text = (
            f"memory from frame {WINDOW} on: {spread:.0f} MB between minimum and maximum, "
            f"{flat} {MOST_SPREAD} MB"
        )
        verdicts.append(Figure("memory_spread_mb", spread, text))
    ratio = rows[-1].figures["median_s"] / rows[0].figures["median_s"]
    steady = "steady within" if ratio <= MOST_SLOWDOWN else "NOT steady within"
    text = (
        f"time per frame, last {WINDOW} over first {WINDOW}: {ratio:.3f}, "
        f"{steady} {round(100 * (MOST_SLOWDOWN - 1))} %"
    )
    return [*verdicts, Figure("last_over_first_hundred", ratio, text)]


def _enough(text: str) -> int:
    count = positive(text)
    if count < 2 * WINDOW:
        raise ArgumentTypeError(f"must be at least {2 * WINDOW} frames. Received: {count}")
    return count
