"""Examine the bytes of a mask file, and recover object ids from other encodings."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.datasets.label_values import LABEL_MODES, VOID
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.media.edge_colours import are_thin
from ytvos_keras.media.mask_pixels import (
    MaskError,
    MaskPixels,
    index_values,
    mask_pixels,
    values_in,
)
from ytvos_keras.media.masks import MANY_IDS, MAX_ID, UNLIKELY_ID, check_no_grey_levels
from ytvos_keras.media.pictures import decode_picture

_GREYS_OF_THE_PALETTE = {64, 128, 192}  # may be ids, or the colours of ids 56, 7 and 63


@dataclass(frozen=True)
class MaskFacts:
    """Result of examining a mask.

    Args:
        kind: kind of its fault, a key of `KINDS`; None if it has none.
        what: details of the fault.
        labels: uint8 (H, W), its values; None if they are ambiguous.
        size: (height, width); None if it cannot be decoded.
    """

    kind: str | None = None
    what: str = ""
    labels: np.ndarray | None = None
    size: tuple[int, int] | None = None


def examine_mask(data: bytes) -> MaskFacts:
    """Decode a mask and find its faults, by the rules of `mask_pixels`.

    A mask that is not an 8-bit index or greyscale PNG is a fault, but keeps its values where they
    are unambiguous, see `exact_labels`.
    """
    facts = examine_picture(data)
    if facts.damage is not None:
        return MaskFacts("damaged-mask", facts.damage)
    size = (facts.height, facts.width)
    image = decode_picture(data, "mask")
    file = f"{facts.format}, mode {image.mode}"
    try:
        pixels = mask_pixels(image)
        check_no_grey_levels(pixels, "mask")
    except MaskError as error:
        what = ", ".join(filter(None, (file, error.what)))
        return MaskFacts(
            error.kind, what if error.kind == "colour-mask" else error.what, None, size
        )
    labels = _exact(image, pixels)
    if labels is not None and not pixels.certain and (smooth := _smoothness(labels)):
        return MaskFacts("smooth-mask", smooth, None, size)
    if facts.format == "PNG" and image.mode in LABEL_MODES and _are_indices(image, pixels):
        return MaskFacts(None, "", labels, size)
    if labels is None and image.mode.startswith("I"):
        file += f", values up to {pixels.values.max()}, but ids are 1 to {MAX_ID}"
    return MaskFacts("colour-mask", file, labels, size)


def exact_labels(image: Image.Image) -> np.ndarray | None:
    """Return the object ids of a decoded mask, uint8 (H, W), or None if they would be a guess.

    The rules are those of `mask_pixels`, and: 16-bit values are ids if they are at most 254, or 0
    and 65535 (which becomes 255); 64, 128 and 192 without other ids in a colour image are
    ambiguous: they may be ids, or the colours of other ids.
    """
    try:
        return _exact(image, mask_pixels(image))
    except MaskError:
        return None


def _exact(image: Image.Image, pixels: MaskPixels) -> np.ndarray | None:
    values = pixels.values
    if image.mode.startswith("I"):
        # White in a 16-bit mask corresponds to 255 in an 8-bit one.
        values = np.where(values.astype(np.int64) == 65535, VOID, values)
        if values.min() < 0 or values.max() > VOID:
            return None
    ids = set(values_in(values).tolist()) - {0}
    # Greyscale files contain the numbers that were written; a colour may stand for another number.
    is_colour = image.mode not in LABEL_MODES and not image.mode.startswith("I")
    if is_colour and not pixels.certain and ids and ids <= _GREYS_OF_THE_PALETTE:
        return None
    return values.astype(np.uint8)


def _are_indices(image: Image.Image, pixels: MaskPixels) -> bool:
    """Whether pixel values are the ids, which they are not in an image with DAVIS colours."""
    return image.mode != "P" or bool((index_values(image) == pixels.values).all())


def _smoothness(labels: np.ndarray) -> str | None:
    """Explain why grey levels look like smooth edges rather than ids; None if they do not."""
    values = values_in(labels)
    ids = values[(values > 0) & (values <= MAX_ID)]
    if not are_thin(labels, ids):
        return None
    many = ids.size > MANY_IDS and ids[-1] != ids.size
    between = values[-1] == VOID and ids.size > 0 and ids[-1] >= UNLIKELY_ID
    return f"{values.size} values" if many or between else None
