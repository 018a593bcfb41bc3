"""`ytvos-bench pipeline`: training clips from records, against bare JPEG decoding."""

import tempfile
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import Any

from ytvos_keras.argument_types import frame_size, whole_number
from ytvos_keras.bench.arguments import add_rounds, chosen
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.measure import Timing, interleave
from ytvos_keras.bench.report import Comparison, Figure, Report, Row
from ytvos_keras.datasets.video import Video
from ytvos_keras.processes import available_cores, peak_memory, resident_memory
from ytvos_keras.progress import Progress, silent

NAME = "pipeline"
SUMMARY = "frames per second of the training pipeline, against bare JPEG decoding, and its memory"

BARE = "tf.io.decode_jpeg alone"
ANY = "make_dataset, any frames"
ANNOTATED = "make_dataset, annotated frames"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    size: dict[str, Any] = {"type": frame_size, "metavar": "HxW"}
    parser.add_argument(
        "--source", **size, default=(480, 854), help="video size (default: 480x854)"
    )
    parser.add_argument("--size", **size, default=(256, 448), help="clip size (default: 256x448)")
    counts = (
        ("--videos", 1, 8, "number of synthetic videos"),
        ("--frames", 1, 60, "frames per video, every fifth annotated"),
        ("--clip-length", 2, 8, "frames per clip"),
        ("--batch-size", 1, 4, "clips per batch"),
        ("--round-clips", 1, 24, "clips per measured round"),
        ("--clips", 1, 2000, "clips over which memory is measured"),
        ("--parallel", 1, available_cores(), "clips or frames processed in parallel"),
    )
    for name, least, default, help_ in counts:
        parser.add_argument(
            name,
            type=whole_number(least),
            default=default,
            metavar="N",
            help=f"{help_} (default: {default})",
        )
    add_rounds(parser, repeats=10, warmup=2)


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time the pipeline with all augmentations, and bare decoding of the same frames.

    The videos are synthetic and freshly written, so they are in the page cache and disk speed does
    not matter. Our pipeline reads, checks and decodes frames and masks, augments and batches them;
    the reference only decodes.
    """
    machine = describe_machine()  # before this benchmark adds to the load
    with tempfile.TemporaryDirectory() as folder:
        kilobytes = _write_records(Path(folder), arguments, progress)
        timings = _measure(folder, arguments, progress)
        start, end = _watch_memory(folder, arguments, progress)
    names = (
        *("source", "videos", "frames", "size", "clip_length", "batch_size", "parallel"),
        *("round_clips", "clips", "warmup", "repeats"),
    )
    return Report(
        benchmark=NAME,
        settings={
            **chosen(arguments, *names),
            "kilobytes_a_frame": round(kilobytes),
        },
        machine=machine,
        rows=[Row({"pipeline": name}, _figures(timing)) for name, timing in timings.items()],
        comparisons=[
            Comparison(f"{name}, against {BARE}", timings[BARE], timings[name])
            for name in (ANY, ANNOTATED)
        ],
        figures=_memory_figures(start, end, arguments.clips),
        peak_memory_mb=peak_memory(),
    )


def _memory_figures(start: float | None, end: float | None, clips: int) -> list[Figure]:
    if start is None or end is None:  # not reported by this system
        return []
    return [
        Figure("memory_at_first_mb", start, f"memory after a tenth of the clips: {start:.0f} MB"),
        Figure("memory_at_last_mb", end, f"memory after {clips} clips: {end:.0f} MB"),
    ]


def _figures(timing: Timing) -> dict[str, float]:
    """Figures of a `Row`, from the seconds per frame."""
    return {
        "rate_fps": 1 / timing.median,
        "best_rate_fps": 1 / timing.minimum,
        "median_ms": 1000 * timing.median,
    }


def _write_records(folder: Path, arguments: Namespace, progress: Progress) -> float:
    """Write the videos and return the mean size of a frame's JPEG in kB."""
    from ytvos_keras.bench.textured_videos import make_videos
    from ytvos_keras.records.write_records import write_in_process

    videos: list[Video] = []
    for video in make_videos(arguments.videos, arguments.frames, arguments.source):
        progress("making videos", len(videos), arguments.videos)
        videos.append(video)
    write_in_process(videos, folder, source="bench")
    sizes = [len(frame.image.read_bytes()) for video in videos for frame in video.frames]
    return sum(sizes) / len(sizes) / 1000


def _measure(folder: str, arguments: Namespace, progress: Progress) -> dict[str, Timing]:
    """Measure the seconds per frame of every case; the cases take turns."""
    batches = max(1, arguments.round_clips // arguments.batch_size)
    batch_frames = arguments.batch_size * arguments.clip_length
    lead = _lead(arguments.parallel, arguments.batch_size)
    # Bare decoding yields frames, make_dataset batches: one batch takes several steps.
    streams = {BARE: (iter(_bare(folder, arguments.parallel)), batch_frames)}
    for name, kind in ((ANY, "any"), (ANNOTATED, "annotated")):
        clips = _clips(folder, arguments, frames=kind, clip_length=arguments.clip_length)
        streams[name] = (iter(clips), 1)
    timings = interleave(
        {name: partial(_take, stream, batches * n) for name, (stream, n) in streams.items()},
        # Use up what was prepared while the other streams were measured, and once more: meanwhile,
        # the stream that was measured last has filled its buffers, which takes the same cores.
        before={
            name: partial(_take, stream, 2 * lead * n) for name, (stream, n) in streams.items()
        },
        warmup=arguments.warmup,
        repeats=arguments.repeats,
        progress=progress,
    )
    frames = batches * batch_frames
    return {
        name: Timing(tuple(seconds / frames for seconds in timing.seconds))
        for name, timing in timings.items()
    }


def _lead(parallel: int, batch_size: int) -> int:
    """Return how many batches a stream may have ready when its round begins, rounded up.

    Two are prefetched, one may be in the making, and `map` holds up to `parallel` finished clips.
    The bare stream holds fewer: two frames and `parallel`.
    """
    return 3 + -(-parallel // batch_size)


def _bare(folder: str, parallel: int):
    """Return a dataset that endlessly decodes frames of the records, held in memory."""
    import tensorflow as tf

    from ytvos_keras.records.index import read_index
    from ytvos_keras.records.recorded_video import recorded_video

    images = [
        frame.image.read_bytes()
        for video in read_index(folder)
        # Read before timing: the reference measures decoding alone.
        for frame in recorded_video(video).frames
    ]
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images), seed=0).repeat()
    return dataset.map(
        lambda image: tf.io.decode_jpeg(image, channels=3), num_parallel_calls=parallel
    ).prefetch(2)


def _take(stream, steps: int) -> None:
    for _ in range(steps):
        next(stream)


def _clips(folder: str, arguments: Namespace, **options):
    from ytvos_keras.data.make_dataset import make_dataset

    return make_dataset(
        folder,
        size=arguments.size,
        batch_size=arguments.batch_size,
        parallel=arguments.parallel,
        **options,
    )


def _watch_memory(folder: str, arguments: Namespace, progress: Progress):
    """Resident memory in MB after a tenth of the clips and after all; their lengths vary."""
    batches = -(-arguments.clips // arguments.batch_size)
    first = max(1, batches // 10)
    at_first = None
    for n, _ in enumerate(_clips(folder, arguments, frames="any").take(batches), start=1):
        progress("watching memory", n * arguments.batch_size, arguments.clips)
        if n == first:
            at_first = resident_memory()
    return at_first, resident_memory()
