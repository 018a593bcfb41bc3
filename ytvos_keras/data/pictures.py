"""Folders of pictures with instance masks, read inside a TensorFlow graph."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from ytvos_keras.errors import InputError

_SUFFIXES = (".jpg", ".jpeg", ".png")
VOID = 255  # label of pixels that nobody decided on
MIN_OBJECT = 0.003  # objects of a smaller share of their picture are not used as targets


class Picture(NamedTuple):
    """Files of one picture and of its mask; `name` is `<source>/<stem>`."""

    name: str
    image: Path
    mask: Path


def list_pictures(root: str | Path, exclude: Sequence[str] = ()) -> list[Picture]:
    """Lists the pictures of one source or of a folder of sources.

    A source is a folder `<source>/img` of JPEG or PNG pictures with a folder `<source>/mask` of
    PNG masks of the same stems: 0 is background, 1...N are objects, 255 is undecided.

    Args:
        root: a source, or a folder of sources.
        exclude: names `<source>` or `<source>/<stem>` to leave out.

    Returns:
        The pictures, sorted by name.

    Raises:
        InputError: no picture is found, or a picture has no mask.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root} is not a folder. Give a folder of sources `<source>/img`.")
    sources = [root] if (root / "img").is_dir() else sorted(p.parent for p in root.glob("*/img"))
    pictures = []
    for source in sources:
        for image in sorted((source / "img").iterdir()):
            name = f"{source.resolve().name}/{image.stem}"
            if image.suffix.lower() not in _SUFFIXES:
                continue
            if name in exclude or name.split("/")[0] in exclude:
                continue
            mask = source / "mask" / f"{image.stem}.png"
            if not mask.is_file():
                raise InputError(f"{image} has no mask. Add {mask} or exclude {name!r}.")
            pictures.append(Picture(name, image, mask))
    if not pictures:
        raise InputError(
            f"{root} has no pictures. Expected files <source>/img/<stem>.jpg with "
            f"<source>/mask/<stem>.png that are not excluded. Received: exclude={list(exclude)}"
        )
    return pictures


def read_labels(path: Path) -> np.ndarray:
    """Reads the object numbers of a mask, those of the palette where it has one.

    Returns:
        uint8 array of shape (height, width).

    Raises:
        InputError: the file is no image, or a colour image.
    """
    try:
        with Image.open(path) as mask:
            if mask.mode not in ("P", "L", "1"):
                raise InputError(
                    f"{path} is a mask of mode {mask.mode}. Save it as a palette or greyscale PNG."
                )
            # A picture of mode 1 comes as booleans: uint8 makes 0 and 1 of them.
            return np.asarray(mask).astype(np.uint8)
    except (OSError, SyntaxError) as error:
        raise InputError(f"{path} cannot be read as a PNG mask: {error}") from error


class PictureTable:
    """Pictures by number, for use inside `tf.data`.

    TensorFlow turns the palette of a PNG into colours and so loses the object numbers. All masks
    are therefore read once with Pillow and kept in memory, compressed (about 2 kB each).

    Args:
        pictures: what `list_pictures` found.
        min_object: pictures in which no object has this share of the area are left out; `None`
            keeps all.

    Raises:
        InputError: a mask does not fit its picture, or no picture is left.
    """

    def __init__(self, pictures: Sequence[Picture], min_object: float | None = MIN_OBJECT):
        paths, masks, sizes = [], [], []
        for picture in pictures:
            labels = read_labels(picture.mask)
            _check_size(picture, labels)
            if min_object is not None and not usable_objects(labels, min_object).any():
                continue
            paths.append(str(picture.image))
            masks.append(_deflate(labels))
            sizes.append(labels.shape)
        if not paths:
            raise InputError(
                f"None of {len(pictures)} pictures has an object of {min_object:.2%} of its area. "
                "Lower min_object or give other pictures."
            )
        self.count = len(paths)
        self.min_object = min_object
        self._paths = tf.constant(paths)
        self._masks = tf.constant(masks)
        self._sizes = tf.constant(sizes, tf.int32)

    def read(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads one picture and its object numbers.

        Returns:
            uint8 tensors of shape (height, width, 3) and (height, width).
        """
        data = tf.io.read_file(self._paths[index])
        image = tf.io.decode_image(data, channels=3, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, 3))
        return image, self.read_mask(index)

    def read_mask(self, index: tf.Tensor) -> tf.Tensor:
        """Reads the object numbers alone: uint8 (height, width)."""
        labels = tf.io.decode_compressed(self._masks[index], "ZLIB")
        return tf.reshape(tf.io.decode_raw(labels, tf.uint8), self._sizes[index])


def usable_objects(labels: np.ndarray, min_object: float) -> np.ndarray:
    """Which of the numbers 0-255 are objects of at least this share of the picture."""
    areas = np.bincount(labels.reshape(-1), minlength=256)
    areas[[0, VOID]] = 0
    return areas >= max(1.0, min_object * labels.size)


def pick_object(draws, labels: tf.Tensor, min_object: float) -> tf.Tensor:
    """Draws the number of one object, larger ones more often (by the root of the area)."""
    areas = tf.math.bincount(tf.reshape(tf.cast(labels, tf.int32), [-1]), minlength=256)
    areas = tf.cast(areas[1:VOID], tf.float32)
    least = tf.maximum(1.0, min_object * tf.cast(tf.size(labels), tf.float32))
    weight = tf.where(areas >= least, 0.5 * tf.math.log(tf.maximum(areas, 1.0)), -1e9)
    # The largest of values with Gumbel noise is a draw by the weights.
    gumbel = -tf.math.log(-tf.math.log(draws.uniform((VOID - 1,), 1e-6, 1.0 - 1e-6)))
    return tf.cast(tf.argmax(weight + gumbel) + 1, tf.uint8)


def _deflate(labels: np.ndarray) -> bytes:
    return zlib.compress(np.ascontiguousarray(labels).tobytes(), 1)


def _check_size(picture: Picture, labels: np.ndarray) -> None:
    with Image.open(picture.image) as image:
        height, width = image.height, image.width
    if labels.shape != (height, width):
        raise InputError(
            f"{picture.mask} is {labels.shape[1]}x{labels.shape[0]} pixels, its picture "
            f"{picture.image} is {width}x{height}. They must have the same size."
        )
