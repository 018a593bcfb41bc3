"""`ytvos-segment`: the masks of a video from the masks of its first frame."""

import argparse
import contextlib
from importlib import resources

from ytvos_keras.argument_types import positive
from ytvos_keras.cli.common import prepare_tensorflow, run, size_argument
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.cli.quiet_import import import_tensorflow
from ytvos_keras.cli.segment_batch import online_learning, segment_batch

DESCRIPTION = """\
Follow objects through a video. Writes one palette PNG per frame into the output folder, at the
size of the video: 0 is background, other values are the ids of the objects.
An interrupted run goes on from where it stopped when the same command is given again (without
--overwrite).
"""

EXAMPLES = """\
examples:
  ytvos-segment --demo
  ytvos-segment clip.mp4 --mask first.png --output masks --overlay
  ytvos-segment JPEGImages/dog --mask Annotations/dog --output masks/dog --size 320x576
  ytvos-segment clip.mp4 --mask first.png --corrections corrected --output masks2
  ytvos-segment JPEGImages --batch --mask Annotations --output masks
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program's name; those of the process if None.

    Returns:
        0, 1 for an error, 130 for an interruption. Usage errors raise SystemExit with 2.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    prepare_tensorflow()
    work = _demo if arguments.demo else segment_batch if arguments.batch else _segment
    return run(lambda: work(arguments), quiet=arguments.quiet, hint=_how_to_go_on(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ytvos-segment",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("input", nargs="?", metavar="INPUT", help="video file, or folder of JPEG or PNG frames")
    add(
        "--mask",
        help="index or binary PNG for the first frame, or a folder of such PNGs named after the "
        "frames (of a video file: frame numbers) in which objects first appear",
    )
    add("--output", metavar="DIR", help="folder for the masks (with --demo: ytvos-demo)")
    add(
        "--corrections",
        metavar="DIR",
        help="folder of PNGs named after frames in which objects went wrong: each object in them "
        "begins anew there, under the id that it has; the others go on",
    )
    add(
        "--batch",
        action="store_true",
        help="INPUT is a folder of videos (folders of frames, video files); --mask a folder with "
        "NAME.png or NAME/ for each, --corrections one with NAME/ for some; masks go to DIR/NAME. "
        "A video that fails does not stop the others",
    )
    add("--model", default="s2s-lite", metavar="NAME|PATH", help="default: %(default)s")
    add(
        "--size",
        type=size_argument,
        metavar="HxW",
        help="size at which the model works (default: the model's own, at the video's aspect "
        "ratio); larger finds smaller objects, takes longer and more memory (of s2s-lite, by the "
        "square of the area, for each object)",
    )
    add(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="segment frames 0, N, 2N … and those that a mask is given for; there are no masks for "
        "the frames between (default: all frames)",
    )
    add(
        "--online-learning",
        nargs="?",
        const="cheap",
        choices=("cheap", "full", "paper"),
        help="first fine-tune a copy of the model to the objects: cheap (if no word is given; the "
        "quickest), full (gains more), or the paper's settings",
    )
    add("--online-steps", type=positive, metavar="N", help="at most so many steps an object")
    add("--overlay", action="store_true", help="also write DIR/overlay.mp4, masks over the video")
    add("--overwrite", action="store_true", help="begin again in a folder that is not empty")
    add("--quiet", action="store_true", help="print warnings and errors only")
    add("--demo", action="store_true", help="segment the bundled clip, with an overlay; offline")
    return parser


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Usage errors that argparse cannot see: exit with 2."""
    if arguments.online_steps and not arguments.online_learning:
        parser.error("--online-steps needs --online-learning")
    if arguments.demo:
        if arguments.input or arguments.mask:
            parser.error("--demo brings its own INPUT and --mask")
        if arguments.batch or arguments.corrections:
            parser.error("--demo is one clip without --batch and --corrections")
        return
    given = {"INPUT": arguments.input, "--mask": arguments.mask, "--output": arguments.output}
    missing = [name for name, value in given.items() if not value]
    if missing:
        parser.error(f"missing: {', '.join(missing)} (or try --demo)")


def _how_to_go_on(arguments: argparse.Namespace) -> str:
    if arguments.demo and arguments.output is None:
        return ""  # begins again every time
    without = " without --overwrite" if arguments.overwrite else ""
    return f"run the same command again{without} to go on from the last mask written"


def _segment(arguments: argparse.Namespace) -> None:
    from ytvos_keras.inference.files import segment_files  # NumPy, Pillow, PyAV
    from ytvos_keras.inference.inputs import check_files

    files = arguments.input, arguments.mask, arguments.output
    options = {
        "corrections": arguments.corrections,
        "every": arguments.every,
        "overwrite": arguments.overwrite,
    }
    # Before the seconds that TensorFlow takes to load: a wrong path is told at once.
    check_files(*files, **options)
    import_tensorflow()

    with frame_progress(arguments.quiet) as report:
        result = segment_files(
            *files,
            arguments.model,
            size=arguments.size,
            online_learning=online_learning(arguments),
            overlay=arguments.overlay,
            on_progress=report,
            **options,
        )
    if not arguments.quiet:
        print(f"masks    {result.masks} ({result.frame_count} PNG files)")
        if result.overlay:
            print(f"overlay  {result.overlay}")


def _demo(arguments: argparse.Namespace) -> None:
    folder = resources.files("ytvos_keras").joinpath("assets", "demo")
    with contextlib.ExitStack() as stack:
        for name, file in (("input", "bunny.mp4"), ("mask", "bunny_first_mask.png")):
            path = stack.enter_context(resources.as_file(folder.joinpath(file)))
            setattr(arguments, name, str(path))
        arguments.overlay = True
        if arguments.output is None:  # a second demo simply replaces the files of the first
            arguments.output, arguments.overwrite = "ytvos-demo", True
        _segment(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
