"""`ytvos-annotate`: annotate a video by hand, with the model's help."""

import argparse
import functools
import threading
from pathlib import Path

from ytvos_keras.argument_types import port
from ytvos_keras.cli.common import (
    add_model,
    add_working_size,
    command_parser,
    prepare_tensorflow,
    run,
)
from ytvos_keras.quiet_import import import_tensorflow

DESCRIPTION = """\
Open a page in the browser in which you draw objects, let the model track them
through the video, correct it, and export the result. Everything runs on this
machine; nothing is sent elsewhere. Masks are palette PNGs in the output
folder, as ytvos-segment writes them, and every change is saved immediately:
stop the command with Ctrl-C and run it again to continue.
"""

EXAMPLES = """\
examples:
  ytvos-annotate clip.mp4
  ytvos-annotate JPEGImages/dog --output masks/dog
  ytvos-annotate                      choose a video of this folder on the page
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.output and not arguments.input:
        parser.error("--output needs an INPUT")
    prepare_tensorflow()
    return run(lambda: _annotate(arguments), quiet=arguments.quiet)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-annotate", DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add("input", nargs="?", metavar="INPUT", help="video file, or folder of frames")
    add(
        "--output",
        metavar="DIR",
        help="folder for the masks (default: in the current folder, clip-masks for clip.mp4)",
    )
    add(
        "--port",
        type=port,
        default=0,
        metavar="N",
        help="port of the page (default: any that is free)",
    )
    add_model(parser)
    add_working_size(parser, " but is slower")
    add("--no-browser", action="store_true", help="print the address without opening a browser")
    add("--quiet", action="store_true", help="print only the address, warnings and errors")
    return parser


def _annotate(arguments: argparse.Namespace) -> None:
    from ytvos_keras.annotate.serve import opened_workspace, serve  # NumPy, Pillow, PyAV

    path = Path(arguments.input) if arguments.input else None
    output = Path(arguments.output) if arguments.output else None
    load = functools.partial(_load_segmenter, arguments.model, arguments.size)
    with opened_workspace(path, output, load, _load_finder) as workspace:
        say = functools.partial(_say, quiet=arguments.quiet)
        serve(workspace, arguments.port, browser=not arguments.no_browser, say=say)


def _say(address: str, quiet: bool) -> None:
    hint = "\nOpen this address in a browser on this machine. Press Ctrl-C to stop."
    # Flushed: a pipe or a log would otherwise receive it only when the command ends.
    print(address if quiet else address + hint, flush=True)


# Importing TensorFlow in two threads at once could leave the process without standard error.
_loading = threading.Lock()


# A second video opened in the page gets its own Segmenter, but the same model.
@functools.cache
def _load_model(name: str):
    with _loading:
        import_tensorflow()
        from ytvos_keras.models import load

        return load(name)


def _load_segmenter(name: str, size: tuple[int, int] | None):
    model = _load_model(name)
    from ytvos_keras.inference import Segmenter

    return Segmenter(model, size)


def _load_finder():
    model = _load_model("s2s-lite-rough")
    from ytvos_keras.inference import MaskFinder

    return MaskFinder(model)


if __name__ == "__main__":
    raise SystemExit(main())
