"""Spread work over cores or machines with Apache Beam."""

import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr

from ytvos_keras.errors import InputError, first_line, need

_POLL = 0.1  # seconds


def check_beam() -> None:
    """Make sure that Apache Beam is installed, without the seconds that its import takes."""
    need("apache_beam", extra="beam", what="writing records")


def run_each(
    function: Callable[[str], None],
    items: Sequence[str],
    *,
    jobs: int = 1,
    beam_options: Sequence[str] = (),
    while_running: Callable[[], None],
    stop: Callable[[], None],
) -> None:
    """Call a function for every item, in any order, on this machine or on any runner of Beam.

    Args:
        function: must be defined in a module, so that remote workers can import it. Beam prints and
            wraps its exceptions, and other runners retry: it should only raise for bugs.
        items: arguments of the function, one per call.
        jobs: number of parallel calls, on this machine only.
        beam_options: Beam's options, such as `["--runner=FlinkRunner", "--flink_master=…"]`. They
            extend the options for this machine, or replace them if they name a runner.
        while_running: called several times a second.
        stop: called after an interruption; must end calls in progress.
    """
    with _quiet_import():
        import apache_beam as beam

    # The caller's options come last, so that they win.
    if not any(option.startswith("--runner") for option in beam_options):
        beam_options = [*_local_options(jobs), *beam_options]
    pipeline = _pipeline(beam_options)
    # Reshuffle distributes items to workers, instead of keeping them with the one that lists them.
    _ = pipeline | beam.Create(list(items)) | beam.Reshuffle() | beam.Map(function)
    _wait(lambda: pipeline.run().wait_until_finish(), while_running, stop)


def _pipeline(options: Sequence[str]):
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parsed = PipelineOptions(list(options))
            parsed.get_all_options()  # report wrong options now, not in the middle of the run
            pipeline = beam.Pipeline(options=parsed)
    except SystemExit as error:  # after argparse has printed the help of Beam's options
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise InputError(f"Apache Beam rejects these options: {reason}.") from error
    except ValueError as error:
        raise InputError(f"Apache Beam rejects these options: {first_line(error)}") from error
    # Beam warns about unknown options, which may belong to a runner.
    print(said.getvalue(), end="", file=sys.stderr)
    return pipeline


def _local_options(jobs: int) -> list[str]:
    """Beam's options for this machine: threads of this process.

    Not Beam's default: that tries to download a runner, and uses one core if it cannot. Threads are
    enough, because reading, decoding and checksums release Python's global lock.
    """
    return [
        "--runner=FnApiRunner",
        f"--direct_num_workers={jobs}",
        f"--direct_running_mode={'multi_threading' if jobs > 1 else 'in_memory'}",
    ]


def _wait(
    run: Callable[[], object], while_running: Callable[[], None], stop: Callable[[], None]
) -> None:
    """Run in a thread, so that this one can show progress and be interrupted."""
    failure: list[BaseException] = []

    def work() -> None:
        try:
            run()
        except BaseException as error:
            # Raised again in the caller's thread; here it would only be printed.
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            while_running()
            thread.join(_POLL)
    except BaseException:
        # Beam cannot be cancelled from here: end its calls and wait for them.
        stop()
        thread.join()
        raise
    if failure:
        raise failure[0]


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Hide Beam's messages about parts that are not installed."""
    handlers = logging.root.handlers[:]
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        logging.root.handlers[:] = handlers  # logging a message through the root logger adds one
