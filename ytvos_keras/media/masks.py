"""Label maps (0 = background, 1–254 = object ids): reading, checking, writing."""

from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.edge_colours import are_thin
from ytvos_keras.media.mask_pixels import (
    MaskPixels,
    index_values,
    mask_pixels,
    palette_of,
    smooth_edges_error,
    values_in,
)
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.pictures import load_picture

MAX_ID = 254  # 255 is void in DAVIS and PASCAL VOC
UNLIKELY_ID = 32  # grey levels from here up, together with 255, count as smooth edges
_MANY_LEVELS = 32  # as many thin values of a greyscale file are levels, even without gaps
MANY_IDS = 10  # more values than this, thin and with gaps between them, are smooth edges


def check_label_map(
    array: np.ndarray,
    *,
    name: str = "mask",
    indexed: bool = False,
    allow_empty: bool = False,
    void: int | None = None,
) -> np.ndarray:
    """Check a mask of one or more objects and return it as a label map.

    Rules:
        * Values are object ids, 0 is background. A boolean mask is object 1.
        * If 255 (or 65535) is the only value besides 0, it is a binary mask and becomes id 1. Any
          other lone value is kept: object 3 alone in its frame remains object 3.
        * 255 next to other values is an error: it is void, or the mask has smooth edges.
        * Larger values (of 16-bit files) are an error: a label map holds at most 254 objects.
        * More than 10 values that are not exactly 1 … K, in areas as thin as smooth edges, are an
          error too, unless `indexed`. So is a map with all 256 values, whatever `void` is.
        * Three or four channels: the colours must be grey (R = G = B); transparent is background.
          Files may have more colours, see `mask_pixels.mask_pixels`.
        * Floats must be whole numbers.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); boolean, integer or float.
        name: name of the mask in errors, such as the path of its file.
        indexed: the values are known to be ids (they come from an index image).
        allow_empty: accept a mask without any object.
        void: value to replace 255 with, instead of applying the rules on 255: 0 if 255 marks void
            pixels, an id if it marks an object.

    Returns:
        uint8 array (H, W), values 0–254.

    Raises:
        InputError: a rule is broken.

    Example:
        >>> check_label_map(np.array([[0, 255]]))
        array([[0, 1]], dtype=uint8)
    """
    labels = _whole_numbers(_one_channel(np.asarray(array), name), name)
    if void is not None and labels.max() >= 255:
        # Without the 255, all grey levels of a soft mask would be the ids 1 … 254, without gaps.
        if not indexed and np.array_equal(values_in(labels), np.arange(256)):
            raise smooth_edges_error(name, 256)
        labels = np.where(labels == 255, labels.dtype.type(void), labels)
    return _checked(labels, values_in(labels), name, indexed, allow_empty)


def _checked(
    labels: np.ndarray, values: np.ndarray, name: str, indexed: bool, allow_empty: bool
) -> np.ndarray:
    """Check the values of a label map and convert it to uint8."""
    ids = values[values != 0]
    if not ids.size and not allow_empty:
        raise InputError(f"{name}: no object in it, every pixel is 0; mark the object with its id.")
    if ids.size == 1 and ids[0] in (255, 65535):
        return (labels != 0).astype(np.uint8)
    # Other 16-bit values are not grey levels but ids above the limit, which the last rule reports.
    may_be_grey = ids.size > MANY_IDS and (ids[-1] <= 255 or ids[-1] == 65535)
    # Ids 1 … K without gaps are a numbering; the grey levels of an edge almost always have gaps.
    if not indexed and may_be_grey and ids[-1] != ids.size and are_thin(labels, ids):
        raise smooth_edges_error(name, values.size)
    if ids.size and ids[-1] == 255:
        raise InputError(
            f"{name}: value 255 found besides {_listed(ids[:-1])}; if it marks void pixels, set "
            "them to 0; if the mask has smooth edges, save it without them."
        )
    if ids.size and (ids[0] < 0 or ids[-1] > MAX_ID):
        raise InputError(
            f"{name}: ids must be 1 to {MAX_ID}, 0 is background; renumber the objects, or split "
            f"more than {MAX_ID} over several runs. Received: {_listed(ids)}."
        )
    return labels.astype(np.uint8)


def check_no_grey_levels(pixels: MaskPixels, name: str) -> None:
    """Raise `InputError` if a greyscale image of 8 bits has very many thin values.

    A soft mask that is not fully bright has all levels up to its brightest, without gaps.
    """
    if pixels.certain or pixels.values.dtype != np.uint8:
        return
    values = values_in(pixels.values)
    ids = values[values > 0]
    if ids.size >= _MANY_LEVELS and are_thin(pixels.values, ids):
        raise smooth_edges_error(name, values.size)


def ids_in(label_map: np.ndarray) -> list[int]:
    """The object ids that occur in a label map, uint8 (H, W), in order."""
    return [value for value in values_in(label_map).tolist() if value]


def read_mask(
    path: str | Path, *, allow_empty: bool = False, void: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a mask file by the rules of `mask_pixels.mask_pixels` and `check_label_map`.

    In a greyscale file of 8 bits, 32 or more thin values are an error even if they are exactly 1 …
    K: save that many thin objects as an index PNG.

    Args:
        path: a PNG: index (palette), greyscale or 1 bit; RGB(A) in grey or the DAVIS colours.
        allow_empty: accept a mask without any object.
        void: value to replace 255 with; see `check_label_map`.

    Returns:
        label_map: uint8 (H, W), values 0–254.
        palette: uint8 (256, 3) of an index PNG, None for the others.

    Raises:
        InputError: the file cannot be read, or breaks a rule.
    """
    image = load_picture(path)
    label_map = label_map_of(image, str(path), allow_empty, void)
    return label_map, palette_of(image) if image.mode == "P" else None


def read_written_mask(path: str | Path, palette: np.ndarray | None = None) -> np.ndarray:
    """Read a label map that `write_mask` wrote, uint8 (H, W); it may have no object.

    Its indices are ids, whatever the colours: in a given palette, one object may have the mean
    colour of two others, which in a file from elsewhere would be a smooth edge.

    Args:
        path: the file.
        palette: uint8 (256, 3); a file with other colours may be from elsewhere, so it is read by
            the rules of `read_mask`. None if the file is certainly from `write_mask`.
    """
    image = load_picture(path)
    is_own = image.mode == "P" and (palette is None or np.array_equal(palette_of(image), palette))
    if not is_own:
        return label_map_of(image, str(path), allow_empty=True, void=None)
    return check_label_map(index_values(image), name=str(path), indexed=True, allow_empty=True)


def label_map_of(image: Image.Image, name: str, allow_empty: bool, void: int | None) -> np.ndarray:
    """The checked label map of an image."""
    pixels = mask_pixels(image, name)
    check_no_grey_levels(pixels, name)
    # `void` changes the values, so those found in the file would be wrong.
    if void is None and pixels.present is not None:
        return _checked(pixels.values, pixels.present, name, pixels.certain, allow_empty)
    return check_label_map(
        pixels.values, name=name, indexed=pixels.certain, allow_empty=allow_empty, void=void
    )


def write_mask(path: str | Path, label_map: np.ndarray, palette: np.ndarray | None = None) -> None:
    """Write a label map as an 8-bit palette PNG, atomically.

    Args:
        path: the file to write; its folder must exist.
        label_map: uint8 (H, W), values are palette indices.
        palette: uint8 (N, 3), RGB; None for the DAVIS palette.

    Raises:
        ValueError: the label map is not uint8 (H, W).
    """
    if label_map.dtype != np.uint8 or label_map.ndim != 2:
        raise ValueError(
            "label_map must be uint8 with shape (H, W). "
            f"Received: {label_map.dtype} {label_map.shape}"
        )
    with atomic_path(path) as part:
        # Otherwise Pillow writes 4 bits or fewer for a short palette.
        mask_picture(label_map, palette).save(part, format="PNG", bits=8)


def mask_picture(label_map: np.ndarray, palette: np.ndarray | None = None) -> Image.Image:
    """A label map as a palette image in memory; see `write_mask` for the arrays."""
    image = Image.fromarray(label_map)
    image.putpalette((davis_palette() if palette is None else palette).tobytes())
    return image


def _one_channel(array: np.ndarray, name: str) -> np.ndarray:
    """Reduce (H, W, C) to (H, W)."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2 and array.size:
        return array
    if array.ndim != 3 or array.shape[-1] not in (3, 4) or not array.size:
        raise InputError(f"{name}: a mask must have shape (H, W). Received: {array.shape}.")
    # By channel: copies of all channels of a large image would take gigabytes.
    grey, green, blue = (array[..., channel] for channel in range(3))
    coloured = (green != grey) | (blue != grey)
    if array.shape[-1] == 4:
        transparent = array[..., 3] == 0
        coloured &= ~transparent
        grey = np.where(transparent, array.dtype.type(0), grey)
    if coloured.any():
        raise InputError(
            f"{name}: colours found, but a mask holds one object id per pixel; save it as an index "
            "(palette) PNG, or as greyscale with the values 1, 2, …"
        )
    return grey


def _whole_numbers(labels: np.ndarray, name: str) -> np.ndarray:
    """Turn booleans and floats into integers."""
    if labels.dtype == bool:
        return labels.astype(np.uint8)
    if np.issubdtype(labels.dtype, np.integer):
        return labels
    if not np.issubdtype(labels.dtype, np.floating):
        raise InputError(f"{name}: a mask must hold whole numbers. Received: {labels.dtype}.")
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(labels).all() and (labels == np.rint(labels)).all()
    if not whole:
        raise InputError(
            f"{name}: fractions found, but a mask holds whole ids; threshold it first (mask > 0.5)."
        )
    return labels.astype(np.int64)


def _listed(values: np.ndarray) -> str:
    """Write at most five values for an error: `1, 2, 3, 4, … 300`."""
    if values.size <= 5:
        return ", ".join(map(str, values.tolist()))
    return f"{', '.join(map(str, values[:4].tolist()))}, … {values[-1]}"
