"""Shared by all commands: one-line errors, exit codes, logging, checks of output files."""

import argparse
import contextlib
import io
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.argument_types import frame_size, positive
from ytvos_keras.errors import InputError
from ytvos_keras.processes import available_cores, signal_handlers

if TYPE_CHECKING:
    from rich.console import Console

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, the convention of shells


def run(
    command: Callable[[], None], *, quiet: bool = False, hint: Callable[[], str] | None = None
) -> int:
    """Run a command and turn errors into one line and an exit code.

    `InputError` and `OSError` (a full disk, a write-protected folder) become `error: …` and exit
    code 1; Ctrl-C and SIGTERM become `interrupted` and exit code 130. Any other exception is a bug
    of this package and keeps its traceback. Usage errors end earlier, with exit code 2.

    Args:
        command: the work.
        quiet: whether to hide messages below warnings.
        hint: returns what the user can do after an interruption, or "".
    """
    # They are None if the caller closed them (`>&-`, a service without a terminal).
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 (never closed)
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Escape what cannot be encoded (a pipe on Windows, a folder name that is not Unicode), as
        # stderr does.
        sys.stdout.reconfigure(errors="backslashreplace")
    # SIGTERM is handled like Ctrl-C, so that no half-written file is left.
    with _messages(quiet), signal_handlers(signal.default_int_handler, signal.SIGTERM):
        try:
            command()
            sys.stdout.flush()  # a full disk or a closed pipe may go unnoticed until then
        except (InputError, OSError) as error:
            # One line, even if a library's message has several.
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            advice = hint() if hint else ""
            print("interrupted" + (f": {advice}" if advice else ""), file=sys.stderr)
            return INTERRUPTED
        finally:
            _drop_unwritable_output()
    return 0


def command_parser(program: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """Create a parser that keeps the line breaks of its texts."""
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_model(parser: argparse._ActionsContainer) -> None:
    """Add `--model`."""
    parser.add_argument(
        "--model",
        default="s2s-lite",
        metavar="NAME|PATH",
        help="s2s-lite, or a .keras file (default: %(default)s)",
    )


def add_working_size(parser: argparse._ActionsContainer, cost: str) -> None:
    """Add `--size` of the model; `cost` ends the sentence on a larger one."""
    parser.add_argument(
        "--size",
        type=frame_size,
        metavar="HxW",
        help="working size of the model (default: the model's own, at the video's aspect ratio); "
        f"a larger one finds smaller objects{cost}",
    )


def add_jobs(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--jobs`, the number of `what`."""
    parser.add_argument(
        "--jobs",
        type=positive,
        default=available_cores(),
        metavar="N",
        help=f"{what} (default: all cores)",
    )


def table_console() -> "Console":
    """Create the console for tables on stdout: as wide as the terminal, 80 columns in a pipe."""
    from rich.console import Console

    # In a pipe, Rich would take the width of any terminal that it finds.
    return Console(width=None if sys.stdout.isatty() else 80)


def prepare_tensorflow() -> None:
    """Set the environment variables that TensorFlow and Keras read at import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that this package supports


def check_output_file(option: str, path: Path) -> None:
    """Raise an `InputError` before any work is done if a file cannot be written."""
    from ytvos_keras.media.atomic import link_target  # NumPy, Pillow

    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "device"
        raise InputError(f"{option} needs the name of a file. Received a {kind}: {path}")
    folder = link_target(path).parent
    if not folder.is_dir():
        raise InputError(f"{option} {path}: there is no folder {folder}; create it first.")
    # The folder, not the file: files are written beside their target and renamed.
    if not os.access(folder, os.W_OK):
        raise InputError(f"{option} {path}: the folder {folder} is write-protected.")


def _drop_unwritable_output() -> None:
    """Discard the rest of stdout if it cannot be written (a full disk, a closed pipe).

    Python flushes it again when it exits, and would print a second error and exit with code 120.
    See https://docs.python.org/3/library/signal.html#note-on-sigpipe.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _StderrHandler(logging.Handler):
    """Print to the current `sys.stderr`, which a progress bar may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


@contextlib.contextmanager
def _messages(quiet: bool) -> Iterator[None]:
    """Show the package's log and warnings as plain lines on stderr."""
    logger, handler = logging.getLogger("ytvos_keras"), _StderrHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        with warnings.catch_warnings():
            # `catch_warnings` restores `showwarning`, too.
            warnings.showwarning = _show_warning
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {message}", file=sys.stderr)
