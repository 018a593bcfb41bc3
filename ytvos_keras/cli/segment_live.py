"""`ytvos-segment --live`: a camera or a stream."""

import argparse
import signal
from pathlib import Path

from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.cli.segment_arguments import segment_options
from ytvos_keras.errors import counted
from ytvos_keras.processes import signal_handlers
from ytvos_keras.quiet_import import import_tensorflow


def segment_live(arguments: argparse.Namespace) -> None:
    """Segment until the stream ends or Ctrl-C is pressed; raises an error if it breaks off."""
    from ytvos_keras.inference import live  # NumPy, Pillow, PyAV
    from ytvos_keras.inference.file_segmentation import make_segmenter
    from ytvos_keras.inference.options import SegmentOptions
    from ytvos_keras.media.live_frames import LiveFrames

    chosen, output = SegmentOptions(**segment_options(arguments)), Path(arguments.output)
    # Checks, also of the camera, come before TensorFlow, which takes seconds to load.
    mask = live.check_live(arguments.mask, output, chosen.overwrite)
    frames = LiveFrames(arguments.live)
    import_tensorflow()

    segmenter = make_segmenter(arguments.model, chosen)

    def stop(number: int, _: object) -> None:
        """End the stream after the current frame."""
        frames.stop()
        # A model step can take long; a second signal must not wait for it.
        signal.signal(number, signal.default_int_handler)

    with (
        frame_progress(arguments.quiet) as report,
        signal_handlers(stop, signal.SIGINT, signal.SIGTERM),
    ):
        outputs = live.segment_live(frames, mask, output, segmenter, chosen, report=report)
    if not arguments.quiet:
        print(f"masks    {output} ({counted(segmenter.frame_count, 'PNG file')})")
        for kind, path in outputs.items():
            print(f"{kind:8} {path}")
