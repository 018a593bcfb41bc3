"""`ytvos-prepare videos`: clips ready for annotation, from raw videos."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.argument_types import positive
from ytvos_keras.cli.common import FAILED, add_jobs
from ytvos_keras.cli.prepare_records import HINT, add_quiet
from ytvos_keras.cli.progress import frame_progress

if TYPE_CHECKING:
    from ytvos_keras.datasets.raw_videos.prepare_clips import ClipReport

NAME = "videos"
SUMMARY = "raw videos → clips ready for annotation (section 3 of the paper)"
DESCRIPTION = """\
Cut raw videos into clips as the paper does: find the shots, drop the beginning
and the end of the video, draw up to five clips of 3 to 6 seconds, and write
them at 30 frames per second, with every fifth frame marked for annotation.
Clips that are too dark, blurred or shaky are proposed for rejection, with the
measured value.

OUT is in the layout of YouTube-VOS (JPEGImages: the frames to annotate,
JPEGImages_all_frames: all), with clips.json, clips.csv and
contact_sheet_01.jpg for review. Put masks into OUT/Annotations, list
their objects in OUT/meta.json (or remove that file) and continue with
`ytvos-prepare youtube-vos OUT RECORDS`.
"""

_SETTINGS = ("clips_per_video", "min_seconds", "max_seconds", "skip", "height", "seed")
_LIMITS = ("min_brightness", "max_blur", "max_shake")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add = parser.add_argument
    add("source", type=Path, metavar="SRC", help="a video file, or a folder of them")
    add("output", type=Path, metavar="OUT", help="folder for the clips")
    # Not in the namespace unless given, so that the defaults are defined only in the library.
    add = _of_library(parser.add_argument_group("which frames"))
    add("--clips-per-video", positive, "N", "at most N per video (default: 5)")
    add("--min-seconds", float, "S", "shortest clip (default: 3)")
    add("--max-seconds", float, "S", "longest clip (default: 6)")
    add("--skip", float, "SHARE", "fraction dropped at each end of a video (default: 0.1)")
    add("--height", positive, "PIXELS", "scale taller frames down to this (default: keep them)")
    add("--seed", int, "N", "seed for drawing clips (default: 0)")
    group = parser.add_argument_group("proposed for rejection")
    add = _of_library(group)
    add("--min-brightness", float, "X", "below this mean grey value, 0-255 (default: 40)")
    add("--max-blur", float, "X", "above this blur, in pixels at a height of 256 (default: 1.7)")
    add("--max-shake", float, "X", "above this shake, in percent of the height (default: 1)")
    group.add_argument(
        "--leave-out-rejected", action="store_true", help="do not write the frames of these clips"
    )
    add_jobs(parser, "videos cut at the same time")
    add_quiet(parser)
    parser.set_defaults(hint=HINT)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ytvos_keras.datasets.raw_videos.prepare_clips import prepare_clips
    from ytvos_keras.datasets.raw_videos.quality import QualityLimits
    from ytvos_keras.datasets.raw_videos.settings import ClipSettings

    given = vars(arguments)
    with frame_progress(arguments.quiet, "") as progress:  # videos, and the frames of each
        report = prepare_clips(
            arguments.source,
            arguments.output,
            settings=ClipSettings(**{name: given[name] for name in _SETTINGS if name in given}),
            limits=QualityLimits(**{name: given[name] for name in _LIMITS if name in given}),
            leave_out_rejected=arguments.leave_out_rejected,
            jobs=arguments.jobs,
            on_progress=progress,
        )
    if not arguments.quiet:
        _print(arguments, report)
    for message in report.failures.values():
        print(f"error: {message}", file=sys.stderr)
    return FAILED if report.failures else 0


def _of_library(group):
    def add(option: str, kind, metavar: str, help_text: str) -> None:
        group.add_argument(
            option, type=kind, metavar=metavar, help=help_text, default=argparse.SUPPRESS
        )

    return add


def _print(arguments: argparse.Namespace, report: "ClipReport") -> None:
    clips = report.clips
    rejected = sum(bool(clip.reasons) for clip in clips)
    seconds = sum(float(clip.end - clip.start) for clip in clips)
    print(
        f"clips    {arguments.output} ({len(clips)} from {len(report.videos)} videos, "
        f"{seconds:,.0f} seconds; {rejected} proposed for rejection)"
    )
    for video in report.without_clips:
        print(f"no clip  {video} (no shot is long enough)")
    for sheet in report.sheets:
        print(f"sheet    {sheet}")
