"""`ytvos-export`: a model as files for deployment."""

import argparse
import shutil
import sys
import textwrap
from pathlib import Path

from ytvos_keras.argument_types import frame_size, positive
from ytvos_keras.cli.common import add_model, command_parser, prepare_tensorflow, run
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.quiet_import import import_tensorflow

DESCRIPTION = """\
Write a model for deployment: a SavedModel in the layout of TensorFlow Serving,
or ONNX files. Every step takes the state as an input and returns the next one.
The written files are loaded again and compared with the Keras model on a real
clip. An export that differs (float32) or is unusable (float16, int8) is
deleted.
"""

EPILOG = """\
examples:
  ytvos-export --format saved-model --output deploy/s2s
  ytvos-export --model model.keras --format saved-model --output deploy/s2s \\
      --size 256x448
  ytvos-export --format onnx --output s2s-onnx --precision int8
  ytvos-export serve deploy/s2s     a development server: gRPC and REST
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    argv = sys.argv[1:] if argv is None else argv
    # Not a subparser of argparse: the plain command has required options.
    if argv and argv[0] == "serve":
        from ytvos_keras.cli import export_serve

        return export_serve.main(argv[1:])
    parser = _parser()
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    prepare_tensorflow()
    return run(lambda: _export(arguments), quiet=arguments.quiet)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-export", DESCRIPTION, EPILOG)
    add = parser.add_argument
    add_model(parser)
    add(
        "--format",
        required=True,
        choices=("saved-model", "onnx"),
        help="a SavedModel for TensorFlow Serving, or ONNX files",
    )
    add(
        "--output",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for the files; for a SavedModel, the folder of its versions, whose name is "
        "the model's name on the server",
    )
    add(
        "--size",
        type=frame_size,
        metavar="HxW",
        help="size of all frames (default: any); with it, TensorFlow Serving can batch requests",
    )
    add(
        "--precision",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="precision of ONNX files: float16 weights, or int8 for CPUs (default: %(default)s)",
    )
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="videos with masks on which to measure the accuracy lost by --precision: JPEGImages/ "
        "and Annotations/ with a folder for each video (default: the bundled clip)",
    )
    add(
        "--calibration",
        type=Path,
        metavar="DIR",
        help="videos for calibrating the ranges of int8 (default: the bundled clip)",
    )
    add("--version", type=positive, metavar="N", help="of the SavedModel (default: the next one)")
    add(
        "--no-warmup",
        action="store_true",
        help="leave out the warm-up requests for TensorFlow Serving, which need "
        "tensorflow-serving-api",
    )
    add("--quiet", action="store_true", help="print only warnings and errors")
    return parser


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Report usage errors that argparse cannot detect, and exit with 2."""
    if arguments.format == "onnx":
        if arguments.version is not None or arguments.no_warmup:
            parser.error("--version and --no-warmup are only for --format saved-model")
        if arguments.data and arguments.precision == "float32":
            parser.error("--data is only for --precision float16 or int8: it measures their loss")
    elif arguments.precision != "float32" or arguments.data:
        parser.error("--precision and --data are only for --format onnx")
    if arguments.calibration and arguments.precision != "int8":
        parser.error("--calibration is only for --precision int8")


def _export(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    from ytvos_keras.models import load

    model = load(arguments.model)
    work = _saved_model if arguments.format == "saved-model" else _onnx
    with frame_progress(arguments.quiet, unit="steps") as report:
        lines = work(model, arguments, report)
    if not arguments.quiet:
        print("\n".join(map(_fit_terminal, lines)))


def _fit_terminal(line: str) -> str:
    """Wrap a long line, with continuation lines indented to the second column."""
    columns = shutil.get_terminal_size().columns
    # Words stay whole, so that paths can be copied.
    return textwrap.fill(
        line, columns, subsequent_indent=13 * " ", break_long_words=False, break_on_hyphens=False
    )


def _name(arguments: argparse.Namespace) -> str:
    """The name of a preset, or of a file: with its suffix, so that it is never a preset's."""
    return Path(arguments.model).name


def _saved_model(model, arguments: argparse.Namespace, report) -> list[str]:
    from ytvos_keras.export.saved_model import export_saved_model

    return export_saved_model(
        model,
        arguments.output,
        name=_name(arguments),
        size=arguments.size,
        version=arguments.version,
        warmup=not arguments.no_warmup,
        on_progress=report,
    ).lines()


def _onnx(model, arguments: argparse.Namespace, report) -> list[str]:
    from ytvos_keras.export.onnx_files import export_onnx

    return export_onnx(
        model,
        arguments.output,
        name=_name(arguments),
        size=arguments.size,
        precision=arguments.precision,
        data=arguments.data,
        calibration=arguments.calibration,
        on_progress=report,
    ).lines()


if __name__ == "__main__":
    raise SystemExit(main())
