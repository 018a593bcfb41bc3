"""Write zip files for the servers of YouTube-VOS and DAVIS."""

import zipfile
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.sequence_folders import check_sequence_folders, mask_files
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.submission.check import check_against
from ytvos_keras.evaluation.submission.faults import Fault, SubmissionError, missing_frames
from ytvos_keras.evaluation.submission.submission_plan import SubmissionPlan, plan_submission
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.listing import child
from ytvos_keras.media.mask_pixels import mask_pixels
from ytvos_keras.media.masks import MAX_ID, mask_picture, read_mask
from ytvos_keras.media.pictures import decode_picture, encode_picture
from ytvos_keras.media.png import is_index_png
from ytvos_keras.progress import Progress, silent

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store


def write_submission(
    predictions: str | Path,
    ground_truth: str | Path,
    protocol: str,
    output: str | Path,
    *,
    split: str | None = None,
    on_progress: Progress = silent,
) -> int:
    """Write the required masks into a zip and check it before it gets its final name.

    An index PNG of ids with 8 bits per pixel is stored unchanged, byte for byte; other masks are
    read with `media.read_mask` and written with a palette. Nothing is resized. Other files in
    `predictions` are ignored. The same masks give the same zip, byte for byte.

    Args:
        predictions: contains `<sequence>/<frame>.png`.
        ground_truth: see `plan_submission`.
        protocol: `youtube-vos` or `davis2017`.
        output: the zip; an existing file is replaced. Its folder must exist.
        split: see `plan_submission`.
        on_progress: called after every mask with "write" or "check", masks done, total masks.

    Returns:
        The number of masks in the zip.

    Raises:
        SubmissionError: masks are missing or have faults; it lists all.
        InputError: a folder is missing or at another level, a prediction is not a mask, or the
            ground truth cannot be used.

    Example:
        >>> count = write_submission("masks", "valid", "youtube-vos", "results.zip")
    """
    predictions, output = Path(predictions), Path(output)
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise InputError(f"{output}: give the name of a file in a folder that exists.")
    plan = plan_submission(ground_truth, protocol, split)
    # By names, before anything is decoded, so that all missing masks are listed at once.
    _check_all_there(predictions, plan)
    with atomic_path(output) as part:
        _write(part, predictions, plan, on_progress)
        # While it has its temporary name, so that a faulty zip never appears.
        if faults := check_against(plan, part, output.name, on_progress):
            raise SubmissionError(output, faults)
    return plan.masks


def _check_all_there(predictions: Path, plan: SubmissionPlan) -> None:
    check_sequence_folders(predictions, list(plan.sequences))
    faults = []
    for name, sequence in plan.sequences.items():
        folder = child(predictions, name)
        there = mask_files(folder)
        missing = [frame for frame in sequence.frames if frame not in there]
        if missing:
            faults.append(Fault(str(folder), missing_frames(sequence.frames, missing)))
    if faults:
        raise SubmissionError(predictions, faults)


def _write(path: Path, predictions: Path, plan: SubmissionPlan, report: Progress) -> None:
    masks = {name: mask_files(child(predictions, name)) for name in plan.sequences}
    # PNGs are compressed already.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for done, (sequence, frame, entry) in enumerate(plan.entries(), 1):
            info = zipfile.ZipInfo(entry, _EPOCH)
            info.create_system = 3  # Unix, even if it is written on another system
            info.external_attr = 0o644 << 16
            archive.writestr(info, _index_png(masks[sequence][frame]))
            report("write", done, plan.masks)


def _index_png(mask: Path) -> bytes:
    """Return the file if it is an 8-bit index PNG, else convert its content to one."""
    data = mask.read_bytes()
    # An index PNG is also converted if an index is not the id, as with transparency or quantizing,
    # or if it is 255, which stands for object 1 in a mask of 0 and 255.
    if is_index_png(data):
        image = decode_picture(data, str(mask))
        indices = np.asarray(image)
        if indices.max() <= MAX_ID and (mask_pixels(image, str(mask)).values == indices).all():
            return data
    labels, palette = read_mask(mask, allow_empty=True)
    return encode_picture(mask_picture(labels, palette), "PNG", bits=8)
