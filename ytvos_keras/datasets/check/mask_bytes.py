"""Whether the bytes of a mask file are a mask, and what it would be if it were saved properly."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.datasets.label_values import LABEL_MODES, VOID
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.pictures import decode_picture

_LOSSLESS = ("PNG", "BMP", "GIF", "TIFF")
_MANY_VALUES = 10  # more, with gaps between them, are taken for smooth edges
_UNLIKELY_ID = 32  # grey levels from here on beside 255 are taken for smooth edges
_GREYS_OF_THE_PALETTE = {64, 128, 192}  # may be ids, or the colours of ids 56, 7 and 63


@dataclass(frozen=True)
class MaskFacts:
    """What is known of a mask.

    Args:
        kind: of its fault, a key of `KINDS`; None if it has none.
        what: says more about the fault.
        labels: uint8 (H, W), its values; None if they cannot be told without guessing.
        size: (height, width); None if it cannot be decoded.
    """

    kind: str | None = None
    what: str = ""
    labels: np.ndarray | None = None
    size: tuple[int, int] | None = None


def examine_mask(data: bytes) -> MaskFacts:
    """Decode a mask and look for what makes it unfit as one.

    A mask that is no 8-bit index or greyscale PNG is a fault, but keeps its values where they can
    be told exactly, see `exact_labels`.
    """
    facts = examine_picture(data)
    if facts.damage is not None:
        return MaskFacts("damaged-mask", facts.damage)
    size = (facts.height, facts.width)
    if facts.format == "JPEG":
        return MaskFacts("jpeg-mask", "", None, size)
    image = decode_picture(data, "mask")
    labels = exact_labels(image)
    if labels is not None and _is_grey(image) and (what := _smoothness(labels)):
        return MaskFacts("smooth-mask", what, None, size)
    if image.format == "PNG" and image.mode in LABEL_MODES:
        return MaskFacts(None, "", labels, size)
    what = f"{image.format}, mode {image.mode}"
    if labels is None and image.mode in ("RGB", "RGBA"):
        what += f", {_colour_count(image)} colours that are no ids"
    return MaskFacts("colour-mask", what, labels, size)


def exact_labels(image: Image.Image) -> np.ndarray | None:
    """The object ids of a mask, if they can be told without guessing.

    Rules:
        * Index, greyscale and black-and-white pictures: the values that stand in them. 16 bits: if
          they are at most 254, or 0 and 65535 (which becomes 255).
        * Transparent pixels are background; half-transparent ones cannot be told.
        * Colours with R = G = B: that value. 64, 128 and 192 without other ids cannot be told: they
          may be ids, or the colours of others.
        * Other colours: ids if all are colours of the DAVIS palette.
        * From a format that may change values (JPEG, WebP): cannot be told.

    Args:
        image: decoded, in any mode.

    Returns:
        uint8 (H, W), or None.
    """
    if image.format not in _LOSSLESS:
        return None
    if image.mode in LABEL_MODES:
        return np.asarray(image).astype(np.uint8)
    if image.mode.startswith("I"):
        return _of_16_bits(np.asarray(image).astype(np.int64))
    if image.mode not in ("RGB", "RGBA", "LA", "PA"):
        return None
    pixels = np.asarray(image.convert("RGBA"))
    alpha = pixels[..., 3:]
    if not np.isin(alpha, (0, 255)).all():
        return None
    colours = np.where(alpha == 0, np.uint8(0), pixels[..., :3])
    if (colours == colours[..., :1]).all():
        labels = colours[..., 0]
        ids = set(np.unique(labels)) - {0}
        return None if ids and ids <= _GREYS_OF_THE_PALETTE else labels
    return _of_palette(colours)


def _of_16_bits(values: np.ndarray) -> np.ndarray | None:
    values = np.where(values == 65535, VOID, values)
    if values.min() < 0 or values.max() > VOID:
        return None
    return values.astype(np.uint8)


def _of_palette(colours: np.ndarray) -> np.ndarray | None:
    """Look colours, uint8 (H, W, 3), up in the DAVIS palette."""
    weights = np.array([65536, 256, 1])
    keys = davis_palette().astype(np.int64) @ weights
    order = np.argsort(keys)
    wanted = colours.astype(np.int64) @ weights
    places = np.searchsorted(keys[order], wanted).clip(max=255)
    ids = order[places]
    return ids.astype(np.uint8) if (keys[ids] == wanted).all() else None


def _smoothness(labels: np.ndarray) -> str | None:
    """Says why grey levels look like smooth edges and not like ids; None if they do not."""
    values = np.flatnonzero(Image.fromarray(labels).histogram())
    ids = values[(values > 0) & (values <= MAX_ID)]
    many = ids.size > _MANY_VALUES and ids[-1] != ids.size
    between = values[-1] == VOID and ids.size > 0 and ids[-1] >= _UNLIKELY_ID
    return f"{values.size} values" if many or between else None


def _is_grey(image: Image.Image) -> bool:
    """Whether values may be grey levels: an index picture of other colours holds ids for sure."""
    if image.mode != "P":
        return True
    palette = np.array(image.getpalette("RGB"), np.int64).reshape(-1, 3)
    return bool((palette == np.arange(len(palette))[:, None]).all())


def _colour_count(image: Image.Image) -> int:
    return len(np.unique(np.asarray(image).reshape(-1, len(image.getbands())), axis=0))
