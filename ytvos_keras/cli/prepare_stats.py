"""`ytvos-prepare stats`: the columns of Table 1 of the paper, for any data set."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.argument_types import positive_number
from ytvos_keras.cli.common import add_jobs, check_output_file, table_console
from ytvos_keras.cli.prepare_data import add_data_arguments, choice_of_videos
from ytvos_keras.cli.prepare_records import add_quiet
from ytvos_keras.cli.progress import frame_progress

if TYPE_CHECKING:
    from ytvos_keras.datasets.statistics.measure import DatasetStatistics
    from ytvos_keras.datasets.statistics.video_facts import VideoFacts

NAME = "stats"
SUMMARY = "count videos, categories, objects, annotations and minutes, with plots"
DESCRIPTION = """\
Print the columns of Table 1 of the paper for a data set or for records:
videos, categories, objects, annotations (every object in every mask) and
minutes; and the distributions of objects per video, length of clips and area
of masks. For records, only the index is read; for folders, every mask.

The length of a video in seconds is its range of frame numbers (the names of
frames) plus one step, divided by --fps; if names are not numbers, its number
of frames divided by --fps. A video of one frame has length 0.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_data_arguments(parser)
    add = parser.add_argument
    add(
        "--fps",
        type=positive_number,
        default=30.0,
        metavar="X",
        help="frame numbers per second (default: 30, as in YouTube-VOS; DAVIS has 24)",
    )
    add("--plots", type=Path, metavar="FILE", help="also draw plots here (PNG, SVG or PDF)")
    add("--json", type=Path, metavar="FILE", help="also write all figures here")
    add_jobs(parser, "processes")
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ytvos_keras.datasets.statistics.measure import measure
    from ytvos_keras.datasets.statistics.plots import check_plot_path, write_plots
    from ytvos_keras.datasets.statistics.table import print_statistics

    if arguments.json:
        check_output_file("--json", arguments.json)
    if arguments.plots:
        # Before the masks are read, so that a missing extra or folder is reported at once.
        check_plot_path(arguments.plots)
    facts = _facts(arguments)
    statistics = {name: measure(videos, arguments.fps) for name, videos in facts.items()}
    if len(facts) > 1:
        # Measured again, not added up: medians and quartiles cannot be combined.
        together = [video for videos in facts.values() for video in videos]
        # A split may be called "all".
        total = "all" if "all" not in facts else "all splits"
        statistics[total] = measure(together, arguments.fps)
    # Before printing, since the reader of the table may close the pipe (`| head`).
    if arguments.json:
        _write_json(arguments, statistics)
    if arguments.plots:
        write_plots(arguments.plots, list(statistics.values())[-1], _name(arguments.data))
    print_statistics(statistics, table_console())
    return 0


def _facts(arguments: argparse.Namespace) -> "dict[str, list[VideoFacts]]":
    """Collect the videos of each split; a folder is one split, named after it."""
    from ytvos_keras.datasets.selection import select_names
    from ytvos_keras.datasets.statistics.video_facts import facts_of_videos
    from ytvos_keras.records.data_form import open_listing
    from ytvos_keras.records.index import read_dataset, read_index
    from ytvos_keras.records.recorded_video import facts_of_records

    data, chosen = arguments.data, choice_of_videos(arguments)
    listing = open_listing(data, arguments.layout, all_frames=arguments.all_frames, **chosen)
    if listing is not None:
        videos = listing.annotated()
        with frame_progress(arguments.quiet, "videos") as progress:
            facts = facts_of_videos(videos, jobs=arguments.jobs, on_progress=progress)
        return {_name(data): facts}
    splits = {split: read_index(data, split) for split in read_dataset(data)["splits"]}
    names = select_names([v.name for videos in splits.values() for v in videos], data, **chosen)
    wanted = set(names)
    kept = {
        split: facts_of_records(video for video in videos if video.name in wanted)
        for split, videos in splits.items()
    }
    return {split: facts for split, facts in kept.items() if facts}


def _write_json(arguments: argparse.Namespace, statistics: "dict[str, DatasetStatistics]") -> None:
    from ytvos_keras.media.json_file import write_json

    content = {
        "data": str(arguments.data),
        "fps": arguments.fps,
        "statistics": {name: figures.to_dict() for name, figures in statistics.items()},
    }
    write_json(arguments.json, content)


def _name(data: Path) -> str:
    return data.resolve().name
