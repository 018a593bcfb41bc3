"""Interpret the pixels of a mask file as background, object ids, or smooth edges."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.edge_colours import edge_values, separate_regions
from ytvos_keras.media.palette import davis_palette

LOSSLESS = (None, "PNG", "BMP", "GIF", "TIFF")  # None: created in memory
_NEAR = 8  # levels of 0–255 within which a colour counts as black or white
_CHROMATIC = 40  # smallest difference between the channels of a colour that is not grey
_MANY_COLOURS = 4096  # more than this are not counted
_BLOCK = 2**20  # pixels converted at a time
_FEW_IDS = 8  # up to this id, searching for each one is faster than a histogram


class MaskError(InputError):
    """An image cannot be used as a mask.

    Attributes:
        kind: the kind of fault, as in `ytvos-prepare check`.
        what: brief details; may be empty.
    """

    def __init__(self, message: str, kind: str = "colour-mask", what: str = ""):
        super().__init__(message)
        self.kind, self.what = kind, what


@dataclass(frozen=True)
class MaskPixels:
    """The values of a mask file.

    Attributes:
        values: integer (H, W); 0 is background, 255 may be void.
        certain: whether the values are certainly object ids; grey levels may be smooth edges.
        present: the values that occur, in order; None if not known.
    """

    values: np.ndarray
    certain: bool
    present: np.ndarray | None = None


def mask_pixels(image: Image.Image, name: str = "mask") -> MaskPixels:
    """Read object ids from the pixels of a decoded mask, by the same rules in every command.

    * The format must keep exact values: PNG, BMP, GIF or TIFF.
    * Transparent pixels are background. Half-transparent pixels are smooth edges: an error.
    * Index (palette) images: the index is the id and 0 the background, whatever the colours are.
      Two exceptions. If the background has another index (black; or white, if index 0 has a colour;
      or transparent, if index 0 is drawn too), the image was drawn and then quantized, so its
      indices are not ids: ids are looked up by colour as below, and if that fails it is an error.
      If a colour lies between those of two regions, both in the palette and in the image, the
      edges are smooth: an error.
    * Greyscale and black-and-white images, and index images whose palette is the grey ramp: the
      grey level is the id. `masks.check_label_map` looks for smooth edges among them.
    * Colours: R = G = B counts as grey; otherwise all must be colours of the DAVIS palette.

    A broken rule raises a `MaskError` that begins with `name`, such as the path of the file.
    """
    if image.format not in LOSSLESS:
        kind = "JPEG" if image.format == "MPO" else image.format
        raise MaskError(
            f"{name}: {kind} does not keep exact values; save the mask as PNG.", "jpeg-mask"
        )
    # By mode, not by format: a GIF or a BMP may have a palette, too.
    if image.mode == "P":
        return _of_indices(image, name)
    if image.mode in ("L", "1") or image.mode.startswith("I"):
        return MaskPixels(index_values(image), certain=False)
    if image.mode in ("LA", "PA", "RGB", "RGBA"):
        return _of_colours(np.asarray(image.convert("RGBA")), name)
    raise MaskError(
        f"{name}: a mask must be an index, greyscale or black-and-white PNG. "
        f"Received: mode {image.mode}."
    )


def index_values(image: Image.Image, indices: np.ndarray | None = None) -> np.ndarray:
    """The values of a single-channel image, (H, W), with 0 for transparent pixels; no checks.

    `indices` are its raw values, if already extracted: that takes Pillow a while.
    """
    indices = np.asarray(image) if indices is None else indices
    # The table below has 256 levels; 16-bit grey has more.
    if "transparency" not in image.info or indices.dtype != np.uint8:
        return indices
    return np.where(_alpha(image) == 0, 0, np.arange(256)).astype(np.uint8)[indices]


def palette_of(image: Image.Image) -> np.ndarray:
    """The palette of an index image, uint8 (256, 3), completed with DAVIS colours.

    If transparent pixels are the background, its colour is black.
    """
    palette = _colours(image)
    if "transparency" in image.info:
        palette[0] = 0
    return palette


def values_in(labels: np.ndarray) -> np.ndarray:
    """The values that occur in an integer array (H, W), in order."""
    if labels.dtype != np.uint8:
        return np.unique(labels)
    # Both ways take less than a fifth of the time of np.unique, and an evaluation reads thousands
    # of masks.
    if (largest := int(labels.max())) <= _FEW_IDS:
        return np.array([i for i in range(largest + 1) if (labels == i).any()])
    return np.flatnonzero(Image.fromarray(labels).histogram())


def smooth_edges_error(name: str, values: int) -> MaskError:
    """The error for a mask with smooth edges and this many values."""
    return MaskError(
        f"{name}: {values} values found; was it resized with interpolation, or drawn with smooth "
        "edges? Draw and resize masks with nearest neighbour, one value per object.",
        "smooth-mask",
        f"{values} values",
    )


def _of_indices(image: Image.Image, name: str) -> MaskPixels:
    indices = np.asarray(image)
    used = values_in(indices)
    alpha, colours = _alpha(image), _colours(image)
    _check_alpha(alpha[used], name)
    present = np.unique(np.where(alpha[used] == 0, 0, used))
    # Transparent indices are left out: the colour under them is arbitrary.
    drawn = used[alpha[used] == 255]
    if problem := _background_elsewhere(drawn, colours, is_clear=drawn.size < used.size):
        pixels = np.concatenate([colours, alpha[:, None]], 1)[indices]
        # Quantizing a mask in DAVIS colours permutes its palette; the colours still give the ids.
        if (ids := _davis_ids(pixels)) is not None:
            return MaskPixels(ids, certain=True)
        raise MaskError(
            f"{name}: {problem}, but index 0 is the background of a mask; save it as a label map, "
            "or in greyscale or black and white.",
            "palette-mask",
            problem,
        )
    if (colours[used] == used[:, None]).all():  # the grey ramp
        return MaskPixels(index_values(image, indices), certain=False, present=present)
    edges = edge_values(indices, used, np.where(alpha[:, None] == 0, 0, colours))
    is_davis = (colours[used] == davis_palette()[used]).all()
    # Many DAVIS colours are mixtures of others: id 8 is a darker id 1.
    if edges.size and not (
        is_davis and (edges.size == 1 or not separate_regions(indices, edges, used))
    ):
        raise smooth_edges_error(name, used.size)
    return MaskPixels(index_values(image, indices), certain=True, present=present)


def _background_elsewhere(drawn: np.ndarray, colours: np.ndarray, is_clear: bool) -> str | None:
    """Explain why index 0 is not the background; None if it may be.

    `drawn` are the indices that occur, without transparent ones; `colours` is a palette, (256, 3).
    """
    black, white = colours.max(-1) <= _NEAR, colours.min(-1) >= 255 - _NEAR
    # Index 0 need not occur: an object may fill the frame.
    has_first = 0 in drawn
    if is_clear:
        return "index 0 is drawn next to transparent pixels" if has_first and not black[0] else None
    if black[0] and (has_first or black[drawn].all()):
        return None
    if black[drawn].any():
        return f"black is index {drawn[black[drawn]][0]}"
    chromatic = int(np.ptp(colours[0].astype(int))) > _CHROMATIC
    if white[drawn].any() and drawn.size > 1 and (chromatic if has_first else True):
        return f"white is index {drawn[white[drawn]][0]}"
    return None


def _of_colours(pixels: np.ndarray, name: str) -> MaskPixels:
    """The values of a colour image, uint8 (H, W, 4)."""
    _check_alpha(pixels[..., 3], name)
    colours = np.where(pixels[..., 3:] == 0, np.uint8(0), pixels[..., :3])
    # Grey first: the DAVIS palette contains three greys too, those of ids 7, 56 and 63.
    if (colours == colours[..., :1]).all():
        return MaskPixels(colours[..., 0], certain=False)
    if (ids := _davis_ids(pixels)) is not None:
        return MaskPixels(ids, certain=True)
    # For the message only; getcolors returns None above the limit.
    few = Image.fromarray(colours).getcolors(_MANY_COLOURS)
    count = len(few) if few else f"over {_MANY_COLOURS}"
    raise MaskError(
        f"{name}: colours found, but a mask holds one object id per pixel; save it as an "
        "index (palette) PNG, or as greyscale with the values 1, 2, …",
        what=f"{count} colours that are not ids",
    )


def _davis_ids(pixels: np.ndarray) -> np.ndarray | None:
    """The DAVIS ids, uint8 (H, W), of colours, uint8 (H, W, 4); None if one is not DAVIS's."""
    weights = np.array([65536, 256, 1])
    keys = davis_palette().astype(np.int64) @ weights
    order = np.argsort(keys)
    labels = np.empty(pixels.shape[:2], np.uint8)
    step = max(1, _BLOCK // pixels.shape[1])
    for top in range(0, len(pixels), step):  # int64 copies of a large image take gigabytes
        rows = slice(top, top + step)
        colours, alpha = pixels[rows, :, :3], pixels[rows, :, 3]
        wanted = np.where(alpha == 0, 0, colours.astype(np.int64) @ weights)
        # The clip keeps colours beyond the last one in range; the comparison below rejects them.
        ids = order[np.searchsorted(keys[order], wanted).clip(max=255)]
        if (keys[ids] != wanted).any():
            return None
        labels[rows] = ids
    return labels


def _colours(image: Image.Image) -> np.ndarray:
    """The palette in the file, extended by DAVIS colours."""
    palette = davis_palette().copy()
    # A palette may be shorter than 256 colours.
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(colours)] = colours
    return palette


def _alpha(image: Image.Image) -> np.ndarray:
    """The opacity of each index, int (256,), 0–255."""
    alpha = np.full(256, 255)
    clear = image.info.get("transparency", b"")
    # Pillow returns one index if exactly one is transparent, otherwise a byte for each (tRNS).
    if isinstance(clear, int):
        alpha[clear] = 0
    else:
        alpha[: len(clear)] = list(clear[:256])
    return alpha


def _check_alpha(alpha: np.ndarray, name: str) -> None:
    if ((alpha > 0) & (alpha < 255)).any():
        raise MaskError(
            f"{name}: half-transparent pixels found, so edges are smooth; draw without smoothing, "
            "one value per object.",
            "smooth-mask",
            "half-transparent pixels",
        )
