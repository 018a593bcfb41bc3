"""Check a mask of a submission."""

import zipfile
from collections.abc import Iterator

import numpy as np

from ytvos_keras.errors import listed
from ytvos_keras.evaluation.submission.submission_plan import PlannedSequence
from ytvos_keras.media.archives import ArchiveError, read_member
from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.pictures import DamagedPictureError, open_picture
from ytvos_keras.media.png import GREY, PALETTE, png_header

_COLOUR_TYPES = {
    GREY: "greyscale",
    2: "RGB",
    PALETTE: "palette",
    4: "greyscale with transparency",
    6: "RGBA",
}
_READABLE = ((8, GREY), (8, PALETTE))  # bits per channel, colour type


def mask_problems(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, sequence: PlannedSequence, source: str
) -> Iterator[str]:
    """List the faults of one mask, one line each; `source` says where `sequence.ids` come from."""
    size = sequence.size  # outside the block below, which is for errors of the zip
    try:
        data = read_member(archive, info)
        header = png_header(data)
        if header is None:
            yield "is not a PNG"
            return
        yield from _format_problems(*header, size)
        if header[2:] not in _READABLE:
            return  # Pillow's values for other formats are not ids
        with open_picture(data) as image:
            # The raw values: no rule of `mask_pixels` may reinterpret what the server reads.
            unknown = set(ids_in(np.asarray(image))) - sequence.ids
        if unknown:
            yield (
                f"ids must be from {source} ({listed(sorted(sequence.ids), 5)}). "
                f"Received: {listed(sorted(unknown), 5)}"
            )
    except ArchiveError as error:
        yield str(error)
    except DamagedPictureError as error:
        yield f"cannot be read; is it damaged? ({error})"


def _format_problems(
    height: int, width: int, depth: int, colour_type: int, size: tuple[int, int]
) -> Iterator[str]:
    if (height, width) != size:
        yield (
            f"must be {_size_text(*size)}, like the frames. Received: {_size_text(height, width)}"
        )
    if (depth, colour_type) not in _READABLE:
        kind = _COLOUR_TYPES.get(colour_type, f"colour type {colour_type}")
        yield f"must have 8 bits per pixel, palette or greyscale. Received: {depth}-bit {kind}"


def _size_text(height: int, width: int) -> str:
    return f"{width}×{height} pixels"
