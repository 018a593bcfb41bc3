"""Masks of a camera or a stream, written as its frames arrive."""

import contextlib
import logging
import shutil
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.inference.backward_pass import FOLDER_NAME
from ytvos_keras.inference.confidence_log import FILE_NAME
from ytvos_keras.inference.file_segmentation import check_still_free
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.inputs import check_output
from ytvos_keras.inference.mask_files import MaskFile
from ytvos_keras.inference.options import SegmentOptions
from ytvos_keras.inference.outputs.videos import FOLDER_FPS, OverlayVideo
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media.folder_lock import folder_lock
from ytvos_keras.media.live_frames import LiveFrames
from ytvos_keras.media.masks import write_mask
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.progress import Progress, silent

logger = logging.getLogger(__name__)


def check_live(mask: str | Path, output: Path, overwrite: bool) -> MaskFile:
    """Check the files of `segment_live`, without TensorFlow; nothing is written."""
    if not Path(mask).is_file():
        raise InputError(
            f"{mask}: no such file; a live source takes one mask, for its first frame."
        )
    check_output(output, [Path(mask)], overwrite)
    if not overwrite and any((output / name).exists() for name in (RESUME_NAME, FOLDER_NAME)):
        raise InputError(f"{output}: contains an unfinished run; give another folder.")
    file = MaskFile(Path(mask))
    file.read(allow_empty=False)
    return file


def segment_live(
    frames: LiveFrames,
    mask: MaskFile,
    output: Path,
    segmenter,
    options: SegmentOptions,
    *,
    report: Progress = silent,
) -> dict[str, Path]:
    """Segment frames as they arrive, until there are no more.

    A palette PNG is written for each frame at once; the overlay video is finished at the end, even
    if the stream breaks off. With `every`, only every N-th frame is segmented.

    Args:
        frames: the camera or stream.
        mask: the mask of the first frame, from `check_live`.
        output: the folder to write to; created if it does not exist.
        segmenter: a fresh or `reset` `Segmenter`.
        options: only `every`, `names` and `overlay` are used.
        report: called after each frame with "masks", the number of frames and None.

    Returns:
        Other outputs: kind to file.
    """
    labels, palette = mask.read(allow_empty=False)
    style = ObjectStyle(davis_palette() if palette is None else palette, options.names)
    outputs = {"overlay": output / "overlay.mp4"} if options.overlay else {}
    output.mkdir(parents=True, exist_ok=True)
    broken = None
    with folder_lock(output), contextlib.ExitStack() as stack:
        check_still_free(output, options.overwrite)
        # Left by an unfinished run, which must not resume among these masks, or by a run with
        # other masks.
        for name in (RESUME_NAME, FILE_NAME):
            (output / name).unlink(missing_ok=True)
        shutil.rmtree(output / FOLDER_NAME, ignore_errors=True)
        writers = [
            stack.enter_context(OverlayVideo(p, FOLDER_FPS, style)) for p in outputs.values()
        ]
        try:
            for index, time, frame in frames:
                if index % options.every:
                    continue
                if not index:
                    check_size(labels.shape, frame.shape[:2], f"{mask}: the mask")
                    segmenter.add_objects(labels, indexed=True)  # checked when read
                name, predicted = f"{index:05d}", segmenter.step(frame)
                write_mask(output / f"{name}.png", predicted, palette)
                for writer in writers:
                    writer.write(MaskedFrame(index, name, frame, predicted, time))
                report("masks", segmenter.frame_count, None)
        except InputError as error:  # files written so far are kept
            # Raised at the end, after the overlay has been closed properly.
            broken = error
        if not segmenter.frame_count:
            raise broken or InputError(f"{frames.source}: no frame arrived; check the source.")
    if frames.damaged:
        logger.warning("%s: %d packets could not be decoded", frames.source, frames.damaged)
    if broken is not None:
        raise broken
    return outputs
