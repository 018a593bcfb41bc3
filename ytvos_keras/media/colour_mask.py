"""Read drawings as masks: every colour is an object."""

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.edge_colours import edge_values
from ytvos_keras.media.mask_pixels import MaskError, smooth_edges_error
from ytvos_keras.media.palette import davis_palette

_MOST_COLOURS = 255  # 254 objects and the background
_WEIGHTS = np.array([65536, 256, 1])  # 0xRRGGBB


class ColourTable:
    """Number colours as objects 1, 2, … in order of first appearance.

    Attributes:
        ids: colour, as 0xRRGGBB, to object id.
        preferred: whether pictures in RGB are known to be drawings, even if all of their colours
            stand for ids, as those of the DAVIS palette and greys do.
    """

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}
        self.preferred = False

    def read(self, image: Image.Image, name: str) -> np.ndarray:
        """Read a drawing as uint8 (H, W), values 0–254; new colours get new ids.

        Transparent and black pixels are background; if there are none, white ones are. The image
        must be decoded, and its format lossless. Smooth edges, a missing background, and more than
        254 colours in total are errors.
        """
        pixels = np.asarray(image.convert("RGBA"))
        if not np.isin(pixels[..., 3], (0, 255)).all():
            raise MaskError(
                f"{name}: half-transparent pixels found, so edges are smooth; draw without "
                "smoothing."
            )
        # The colour of transparent pixels is meaningless: editors leave anything there.
        keys = np.where(pixels[..., 3] == 0, 0, pixels[..., :3].astype(np.int64) @ _WEIGHTS)
        colours, indices = np.unique(keys, return_inverse=True)
        if colours.size > _MOST_COLOURS:
            raise smooth_edges_error(name, colours.size)
        _check_edges(colours, indices.reshape(keys.shape), name)
        # Black takes precedence: if both occur, white is an object.
        background = next((key for key in (0, 0xFFFFFF) if key in colours), None)
        if background is None:
            raise InputError(
                f"{name}: no background found; draw it black, white or transparent, or save the "
                "mask as an index PNG."
            )
        # Ids are shared by all drawings of a video: an object keeps its id if others are absent.
        for key in colours.tolist():
            if key != background and key not in self.ids:
                self.ids[key] = len(self.ids) + 1
        if len(self.ids) >= _MOST_COLOURS:
            raise InputError(
                f"{name}: more than 254 colours in all masks; draw every object in one colour."
            )
        ids = [0 if key == background else self.ids[key] for key in colours.tolist()]
        return np.array(ids, np.uint8)[indices].reshape(keys.shape)

    def knows(self, image: Image.Image) -> bool:
        """Whether all colours of a drawing but the background have ids."""
        pixels = np.asarray(image.convert("RGBA"))
        keys = np.unique(pixels[pixels[..., 3] > 0][:, :3].astype(np.int64) @ _WEIGHTS).tolist()
        background = next((key for key in (0, 0xFFFFFF) if key in keys), None)
        return all(key == background or key in self.ids for key in keys)

    def palette(self) -> np.ndarray:
        """A palette with the colours of the drawings, then DAVIS colours: uint8 (256, 3)."""
        palette = davis_palette().copy()
        for key, object_id in self.ids.items():
            palette[object_id] = key >> 16, key >> 8 & 255, key & 255
        return palette

    def __str__(self) -> str:
        return ", ".join(f"#{key:06x} is object {i}" for key, i in self.ids.items())


def _check_edges(colours: np.ndarray, indices: np.ndarray, name: str) -> None:
    palette = np.zeros((256, 3), np.int64)
    palette[: colours.size] = colours[:, None] // _WEIGHTS % 256
    if edge_values(indices.astype(np.uint8), np.arange(colours.size), palette).size:
        raise smooth_edges_error(name, colours.size)
