"""Read images annotated with labelme: a JSON file beside each image."""

import base64
import binascii
import math
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ytvos_keras.datasets.readers.annotated_pictures import (
    AnnotatedPicture,
    drawn_videos,
    find_picture,
    picture_path,
)
from ytvos_keras.datasets.readers.drawn_mask import Shape
from ytvos_keras.datasets.readers.run_lengths import Size, from_area, from_polygons, is_near
from ytvos_keras.datasets.sequence_folders import check_is_folder
from ytvos_keras.datasets.video import Video
from ytvos_keras.datasets.visible_files import visible_files
from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import read_json
from ytvos_keras.media.listing import child
from ytvos_keras.media.mask_pixels import mask_pixels
from ytvos_keras.media.pictures import decode_picture


def read_labelme(
    root: str | Path, *, videos: Collection[str] | None = None, exclude: Collection[str] = ()
) -> list[Video]:
    """List images with the shapes that were drawn in labelme.

    Polygons, rectangles, circles and masks are objects; points and lines are left out. Shapes with
    the same label and the same `group_id` are one object. Later shapes are on top of earlier ones,
    as labelme shows them.

    Args:
        root: a folder that contains `<stem>.json` files and their images, also in subfolders.
        videos: names of the images wanted (the path of the JSON file without suffix); None for
            all. See `select_names`.
        exclude: names of images to leave out.

    Returns:
        Videos of one frame in natural order; their categories are the labels. Only the headers of
        the images have been read.

    Raises:
        InputError: a file is malformed, an image is missing, or pycocotools is not installed.
    """
    root = Path(root)
    check_is_folder(root)
    files = [file for file in visible_files(root) if file.suffix == ".json"]
    if not files:
        raise InputError(f"{root}: contains no JSON files; give the folder that labelme saved to.")
    pictures = [_picture(file, root) for file in files]
    return drawn_videos(pictures, root, videos=videos, exclude=exclude)


def _picture(file: Path, root: Path) -> AnnotatedPicture:
    content = read_json(file)
    name = file.relative_to(root).with_suffix("")
    try:
        size = (content["imageHeight"], content["imageWidth"])
        shapes = partial(_shapes, content["shapes"], size)
        image = _image(root, name, content["imagePath"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{file}: is not a labelme file; expected shapes, imagePath, imageHeight and "
            f"imageWidth. ({type(error).__name__}: {error})"
        ) from error
    return AnnotatedPicture(name.as_posix(), image, str(file), size, shapes)


def _image(root: Path, name: Path, image_path: str) -> Path:
    """The image that the file refers to, or one named like the file (folders get renamed)."""
    there = find_picture(root / name)
    try:
        named = root / picture_path(image_path, PurePosixPath(name.parent))
        named = child(named.parent, named.name)
    except ValueError:
        if there is None:
            raise
        return there
    return named if there is None or named.is_file() else there


def _shapes(shapes: list[dict[str, Any]], size: Size) -> Iterator[Shape | None]:
    for place, shape in enumerate(shapes):
        try:
            counts = _counts(shape, size)
            label, group = shape["label"], shape.get("group_id")
            hash((label, group))  # a TypeError for a list or an object
        except InputError as error:
            raise InputError(f"shape {place}: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"shape {place}: is malformed. ({type(error).__name__}: {error})"
            ) from error
        # The same group with a different label is a different object.
        key = place if group is None else (label, group)
        yield None if counts is None else Shape(key, label, counts)


def _counts(shape: dict[str, Any], size: Size) -> bytes | None:
    """Run lengths of a shape; None if it has no area."""
    kind, points = shape.get("shape_type") or "polygon", shape["points"]
    # Other programs write rectangles as their four corners, also turned ones.
    corners = kind in ("rectangle", "rotation") and len(points) == 4
    if kind == "polygon" or corners:
        return from_polygons([[number for point in points for number in point]], size)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        return from_polygons([[x0, y0, x1, y0, x1, y1, x0, y1]], size)
    if kind == "circle":  # its centre and a point on it
        (x, y), on_circle = map(_point, points)
        rows, columns = np.ogrid[: size[0], : size[1]]
        return from_area(
            # Pixel centres are at 0.5, 1.5, …
            np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= math.dist((x, y), on_circle)
        )
    if kind == "mask":
        return from_area(_placed(_decode(shape["mask"]), _point(points[0]), size))
    return None


def _point(value: Any) -> tuple[float, float]:
    x, y = value
    if not (is_near(x) and is_near(y)):
        raise ValueError("a point must be two numbers in a plausible range")
    return x, y


def _decode(text: str) -> np.ndarray:
    """Decode a mask, which is stored as a PNG in base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InputError("its mask is not base64.") from error
    return mask_pixels(decode_picture(data, "its mask"), "its mask").values > 0


def _placed(part: np.ndarray, corner: tuple[float, float], size: Size) -> np.ndarray:
    """Paste a mask into the image, clipped at its edges."""
    area = np.zeros(size, bool)
    left, top = (round(number) for number in corner)
    inside = part[max(0, -top) :, max(0, -left) :]
    target = area[max(0, top) :, max(0, left) :][: inside.shape[0], : inside.shape[1]]
    target[...] = inside[: target.shape[0], : target.shape[1]]
    return area
