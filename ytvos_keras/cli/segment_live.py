"""`ytvos-segment --live`: a camera or a stream."""

import argparse
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.cli.segment_arguments import segment_options
from ytvos_keras.quiet_import import import_tensorflow


def segment_live(arguments: argparse.Namespace) -> None:
    """Segment until the stream ends or Ctrl-C is pressed; raises an error if it breaks off."""
    from ytvos_keras.inference import live  # NumPy, Pillow, PyAV
    from ytvos_keras.inference.files import make_segmenter
    from ytvos_keras.inference.options import SegmentOptions
    from ytvos_keras.media.live_frames import LiveFrames

    chosen, output = SegmentOptions(**segment_options(arguments)), Path(arguments.output)
    # Checks, also of the camera, come before TensorFlow, which takes seconds to load.
    mask = live.check_live(arguments.mask, output, chosen.overwrite)
    frames = LiveFrames(arguments.live)
    import_tensorflow()

    segmenter = make_segmenter(arguments.model, chosen)
    with frame_progress(arguments.quiet) as report, _stopped_by_signals(frames):
        outputs = live.segment_live(frames, mask, output, segmenter, chosen, report=report)
    if not arguments.quiet:
        print(f"masks    {output} ({segmenter.frame_count} PNG files)")
        for kind, path in outputs.items():
            print(f"{kind:8} {path}")


@contextlib.contextmanager
def _stopped_by_signals(frames) -> Iterator[None]:
    """Let one Ctrl-C or SIGTERM end the stream after the current frame, a second one at once."""
    before = {}

    def stop(number, _) -> None:
        frames.stop()
        # A model step can take long; a second signal must not wait for it.
        signal.signal(number, signal.default_int_handler)

    with contextlib.suppress(ValueError):  # not in the main thread: leave signals alone
        before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
