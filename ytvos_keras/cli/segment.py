"""`ytvos-segment`: the masks of a video from masks of some of its frames."""

import argparse
import contextlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ytvos_keras.cli.common import prepare_tensorflow, run
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.cli.segment_arguments import check, make_parser, segment_options
from ytvos_keras.cli.segment_batch import segment_batch
from ytvos_keras.cli.segment_live import segment_live
from ytvos_keras.errors import counted
from ytvos_keras.quiet_import import import_tensorflow


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    check(parser, arguments)
    prepare_tensorflow()
    return run(
        lambda: _work(arguments)(arguments),
        quiet=arguments.quiet,
        hint=lambda: _how_to_resume(arguments),
    )


def _work(arguments: argparse.Namespace) -> Callable[[argparse.Namespace], None]:
    if arguments.demo:
        return _demo
    if arguments.live is not None:
        return segment_live
    return segment_batch if arguments.batch else _segment


def _how_to_resume(arguments: argparse.Namespace) -> str:
    if arguments.live is not None or (arguments.demo and arguments.output is None):
        return ""  # always starts over
    again = "run the same command again{} to resume after the last mask written"
    if arguments.batch:
        # Without --overwrite, videos of an earlier batch would count as finished.
        return "" if arguments.overwrite else again.format("")
    from ytvos_keras.inference.resume import RESUME_NAME

    if not (Path(arguments.output) / RESUME_NAME).exists():  # there is nothing to resume yet
        return ""
    return again.format(" without --overwrite" if arguments.overwrite else "")


def _segment(arguments: argparse.Namespace) -> None:
    # NumPy, Pillow, PyAV
    from ytvos_keras.inference.file_segmentation import (
        find_first_masks,
        make_segmenter,
        segment_inputs,
    )
    from ytvos_keras.inference.inputs import check_files
    from ytvos_keras.inference.options import SegmentOptions

    masks, output = arguments.box or arguments.mask, Path(arguments.output)
    chosen = SegmentOptions(**segment_options(arguments))
    # Before TensorFlow, which takes seconds to load, so that a wrong path is reported at once.
    inputs = check_files(
        arguments.input, masks, output, corrections=arguments.corrections, options=chosen
    )
    import_tensorflow()

    with frame_progress(arguments.quiet) as report:
        segmenter = make_segmenter(arguments.model, chosen)
        find_first_masks(inputs, output, overwrite=chosen.overwrite)
        result = segment_inputs(inputs, output, segmenter, chosen, on_progress=report)
    if not arguments.quiet:
        print(f"masks    {result.masks} ({counted(result.frame_count, 'PNG file')})")
        for kind, path in result.outputs.items():
            print(f"{kind:8} {path}")


def _demo(arguments: argparse.Namespace) -> None:
    folder = resources.files("ytvos_keras").joinpath("assets", "demo")
    with contextlib.ExitStack() as stack:
        for name, file in (("input", "bunny.mp4"), ("mask", "bunny_first_mask.png")):
            # The package may be in a zip; its files stay unpacked while the stack is open.
            path = stack.enter_context(resources.as_file(folder.joinpath(file)))
            setattr(arguments, name, str(path))
        arguments.overlay = True
        if arguments.output is None:  # a second demo overwrites the files of the first
            arguments.output, arguments.overwrite = "ytvos-demo", True
        _segment(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
