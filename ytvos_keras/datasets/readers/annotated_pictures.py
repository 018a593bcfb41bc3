"""Common code of the readers of annotation files (COCO, labelme, CVAT)."""

import os
import posixpath
import re
import reprlib
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ytvos_keras.datasets.readers.drawn_mask import Shape, draw
from ytvos_keras.datasets.selection import select_names
from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.listing import PICTURE_SUFFIXES, child
from ytvos_keras.media.pictures import picture_size

_LONGEST_NAME = 255  # bytes, in every common file system
_LONGEST_PATH = 1024  # characters


@dataclass(frozen=True)
class AnnotatedPicture:
    """An image as an annotation file describes it.

    Args:
        name: unique among the images.
        image: its file.
        annotation: name of its annotation in messages, such as `instances.json: 000042.jpg`.
        size: (height, width) according to the annotation, unchecked.
        shapes: returns its shapes, later ones on top; None stands for one without an area, such as
            a point or a box.
    """

    name: str
    image: Path
    annotation: str
    size: tuple[Any, Any]
    shapes: Callable[[], Iterator[Shape | None]]


def drawn_videos(
    pictures: Sequence[AnnotatedPicture],
    root: Path,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> list[Video]:
    """Turn annotated images into videos of one frame, in the same order.

    Images without an object and shapes without an area are left out, with one warning for each
    kind. `root` is the data set, for messages; for `videos` and `exclude` see `select_names`.
    """
    by_name: dict[str, AnnotatedPicture] = {}
    for picture in pictures:
        image = child(picture.image.parent, picture.image.name)  # NFC here may be NFD on disk
        picture = replace(picture, image=image)
        if picture.name in by_name:
            raise InputError(f"{picture.annotation}: {picture.name!r} appears twice; rename one.")
        by_name[picture.name] = picture
    names = select_names(list(by_name), root, videos=videos, exclude=exclude)
    missing = [by_name[name].image for name in names if not by_name[name].image.is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}: no such image{and_more(missing[1:])}, but {root} annotates it; give "
            "the folder of the images, or exclude this one."
        )
    found, empty, flat = [], [], []
    for name in names:
        video, has_flat_shapes = _draw(by_name[name])
        if has_flat_shapes:
            flat.append(name)
        if video is None:
            empty.append(name)
        else:
            found.append(video)
    if not found:
        raise InputError(f"{root}: no object with an outline in any of {len(names)} images.")
    for some, what in (
        (empty, "no object"),
        (flat, "shapes without an area (boxes, lines, points)"),
    ):
        if some:
            warnings.warn(
                f"{root}: left out, {what} in {some[0]}{and_more(some[1:])}.", stacklevel=3
            )
    return found


def picture_path(file_name: str, base: PurePosixPath | None = None) -> PurePosixPath:
    """Resolve the path of an image in an annotation file, which may be a Windows path.

    It is relative to `base` (None: the folder of the data set), the result to the folder of the
    data set. Raises a `ValueError` if it is empty, too long for a file system, absolute, or leads
    out of that folder.
    """
    # Functions that open files raise a ValueError for a null character.
    if not isinstance(file_name, str) or "\0" in file_name:
        raise ValueError(f"not a file name: {reprlib.repr(file_name)}")
    # Posix on every system, so that an annotation file gives the same names everywhere.
    path = PurePosixPath(file_name.replace("\\", "/"))
    # File systems limit the bytes of a name, not its characters.
    too_long = len(file_name) > _LONGEST_PATH or any(
        len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts
    )
    if not path.name or too_long:
        raise ValueError(f"not a file name: {reprlib.repr(file_name)}")
    # Normalized first: `a/../../b` leads out, `a/../b` does not.
    inside = PurePosixPath(posixpath.normpath((base or PurePosixPath()) / path))
    if not inside.name:  # "a/.."
        raise ValueError(f"not a file name: {reprlib.repr(file_name)}")
    drive = re.match("[A-Za-z]:", path.parts[0])
    if inside.is_absolute() or ".." in inside.parts or drive:
        raise ValueError(
            f"{file_name!r} leads out of the folder; give the folder that contains all images"
        )
    return inside


def find_picture(stem: Path) -> Path | None:
    """The image with this path and any suffix; None if there is none."""
    # Tried one by one: listing the folder for each of its files would be quadratic.
    suffixes = [case for suffix in PICTURE_SUFFIXES for case in (suffix, suffix.upper())]
    paths = (stem.with_name(stem.name + suffix) for suffix in suffixes)
    return next((path for path in paths if path.is_file()), None)


def _draw(picture: AnnotatedPicture) -> tuple[Video | None, bool]:
    """Return its video, None if it has no object, and whether it has shapes without an area."""
    # Before reading the shapes, for which masks of the stated size are allocated.
    _check_size(picture)
    try:
        shapes = list(picture.shapes())
    except InputError as error:
        raise InputError(f"{picture.annotation}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{picture.annotation}: its shapes are malformed. ({type(error).__name__}: {error})"
        ) from error
    solid = [shape for shape in shapes if shape is not None]
    if not solid:
        return None, bool(shapes)
    mask, categories = draw(picture.annotation, picture.size, solid)
    frame = Frame(PurePosixPath(picture.name).name, picture.image, mask)
    return Video(picture.name, (frame,), categories), len(solid) < len(shapes)


def _check_size(picture: AnnotatedPicture) -> None:
    """Compare the size in the annotation with the image's header, before anything is drawn.

    The sides may be swapped: tools write the size of a rotated image as displayed. The rotation
    itself is reported when the image is read.
    """
    size, found = picture.size, picture_size(picture.image)
    if not all(type(side) is int for side in size) or sorted(size) != sorted(found):
        raise InputError(
            f"{picture.annotation}: height and width must be those of {picture.image}, {found}. "
            f"Received: {reprlib.repr(size)}"
        )
