"""Write all outputs of a run in one pass over its frames and masks."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from ytvos_keras.inference.inputs import Inputs
from ytvos_keras.inference.options import SegmentOptions
from ytvos_keras.inference.outputs.coco_results import CocoResults
from ytvos_keras.inference.outputs.contact_sheet import ContactSheet
from ytvos_keras.inference.outputs.image_outputs import (
    BinaryPictures,
    CutoutPictures,
    ObjectPictures,
)
from ytvos_keras.inference.outputs.videos import (
    FOLDER_FPS,
    CutoutVideo,
    GreenScreenVideo,
    OverlayVideo,
)
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.masks import read_written_mask
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.progress import Progress

_FILES = {
    "binary": "binary",
    "per-object": "objects",
    "probabilities": "probabilities",
    "cutout": "cutout",
    "cutout-video": "cutout.webm",
    "green-screen": "green_screen.mp4",
}


def output_paths(output: Path, options: SegmentOptions) -> dict[str, Path]:
    """Paths of the outputs of a run, besides the palette PNGs: kind → file or folder."""
    paths = {kind: output / _FILES[kind] for kind in options.formats if kind in _FILES}
    if options.overlay:
        paths["overlay"] = output / "overlay.mp4"
    if options.contact_sheet:
        # In a separate folder: images in the mask folder would be taken for masks.
        paths["contact sheet"] = output / "sheet" / "contact_sheet.jpg"
    if options.coco is not None:
        paths["coco"] = Path(options.coco)
    return paths


def write_outputs(
    inputs: Inputs, output: Path, options: SegmentOptions, report: Progress
) -> dict[str, Path]:
    """Create the outputs in `options` from the masks in a folder; probabilities already exist.

    `report` is called after each frame with "overlay" (or "outputs", if there are others), the
    number of frames done and the total.

    Returns:
        The paths, by kind.
    """
    paths = output_paths(output, options)
    if not paths.keys() - {"probabilities"}:
        return paths
    stage = "overlay" if paths.keys() - {"probabilities"} == {"overlay"} else "outputs"
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(w) for w in _writers(paths, inputs, options)]
        frames = inputs.read_with_times()
        for number, (index, name, time, frame) in enumerate(frames, start=1):
            # Read from disk: in a resumed run, most masks were written by an earlier process.
            labels = read_written_mask(output / f"{name}.png")
            for writer in writers:
                writer.write(MaskedFrame(index, name, frame, labels, time))
            report(stage, number, inputs.count)
    return paths


def _writers(paths: dict[str, Path], inputs: Inputs, options: SegmentOptions) -> list[OutputWriter]:
    palette = inputs.first_masks.palette
    style = ObjectStyle(davis_palette() if palette is None else palette, options.names)
    ids = sorted(inputs.trusted)
    # With every N-th frame only, videos still play at their original speed.
    fps = (inputs.source.fps or FOLDER_FPS) / inputs.every
    make: dict[str, Callable[[Path], OutputWriter]] = {
        "binary": BinaryPictures,
        "per-object": lambda path: ObjectPictures(path, style, ids),
        "cutout": CutoutPictures,
        "cutout-video": lambda path: CutoutVideo(path, fps),
        "green-screen": lambda path: GreenScreenVideo(path, fps),
        "overlay": lambda path: OverlayVideo(path, fps, style),
        "contact sheet": lambda path: ContactSheet(path, style, inputs.count),
        "coco": lambda path: CocoResults(path, style, ids),
    }
    return [make[kind](path) for kind, path in paths.items() if kind in make]
