"""Read images annotated with CVAT, from its export "CVAT for images 1.1"."""

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from ytvos_keras.datasets.readers.annotated_pictures import (
    AnnotatedPicture,
    drawn_videos,
    find_picture,
    picture_path,
)
from ytvos_keras.datasets.readers.drawn_mask import Shape
from ytvos_keras.datasets.readers.run_lengths import Size, from_area, from_polygons, repeat_runs
from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import PICTURE_SUFFIXES

_NO_SHAPES = ("attribute", "tag")


def read_cvat(
    annotations: str | Path,
    images: str | Path | None = None,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> list[Video]:
    """List images with the shapes that were drawn in CVAT.

    Polygons and masks are objects; boxes, lines, points and the like are left out. Shapes of one
    group are one object. Shapes with a higher `z_order` are on top; among equals, the later one.
    (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/; CVAT's export to COCO is
    read by `read_coco`.)

    Args:
        annotations: `annotations.xml` of the export.
        images: the folder that the names in it are relative to; None for `images` beside the file.
            Names without suffix, as in exports of videos, stand for the image with any.
        videos: names of the images wanted (as in the file, without suffix; `<subset>/<name>` if the
            images are in a folder for each subset); None for all. See `select_names`.
        exclude: names of images to leave out.

    Returns:
        Videos of one frame in the order of the file; their categories are the labels. No image
        has been opened.

    Raises:
        InputError: the file is malformed or of another format of CVAT, an image is missing, or
            pycocotools is not installed.
    """
    path = Path(annotations)
    root = _parse(path)
    folder = path.parent / "images" if images is None else Path(images)
    pictures = [_picture(image, folder, path) for image in root.iter("image")]
    return drawn_videos(pictures, path, videos=videos, exclude=exclude)


def _parse(path: Path) -> ElementTree.Element:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give annotations.xml of the export.")
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # or an unknown encoding
        raise InputError(f"{path}: is not valid XML; is it cut off? ({error})") from error
    if root.tag != "annotations" or root.find("image") is None:
        tracks = root.find("track") is not None
        other = "is a CVAT for video file" if tracks else "has no annotations of images"
        raise InputError(f'{path}: {other}; export the task as "CVAT for images 1.1".')
    return root


def _picture(image: ElementTree.Element, folder: Path, path: Path) -> AnnotatedPicture:
    try:
        name = picture_path(image.attrib["name"])
        size = (int(image.attrib["height"]), int(image.attrib["width"]))
        subset = image.get("subset")  # as in exports of projects
        names = [*([picture_path(subset) / name] if subset else []), name]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: every image needs name, width and height. ({type(error).__name__}: {error})"
        ) from error
    shapes = partial(_shapes, image, size)
    annotation = f"{path.name}: {image.attrib['name']}"
    return AnnotatedPicture(*_find(folder, names), annotation, size, shapes)


def _find(folder: Path, names: list[PurePosixPath]) -> tuple[str, Path]:
    """Return the name without suffix, and the path, of the first that exists, else of the first."""
    for name in names:
        if (folder / name).is_file():
            return _without_suffix(name), folder / name
        if found := find_picture(folder / name):
            return str(name), found
    return _without_suffix(names[0]), folder / names[0]


def _without_suffix(name: PurePosixPath) -> str:
    """A dot may also be part of the name: `cut.1_frame_000000`."""
    return str(name.with_suffix("") if name.suffix.lower() in PICTURE_SUFFIXES else name)


def _shapes(image: ElementTree.Element, size: Size) -> Iterator[Shape | None]:
    elements = [element for element in image if element.tag not in _NO_SHAPES]
    # A stable sort: of equal levels, the later shape stays on top.
    elements.sort(key=lambda element: int(element.get("z_order", 0)))
    try:
        for place, element in enumerate(elements):
            counts = _counts(element, size)
            group = element.get("group_id", "0")
            # Group 0 means none. The key of a group is text, so it cannot equal a place, a number.
            key = place if group == "0" else f"group {group}"
            yield None if counts is None else Shape(key, element.get("label"), counts)
    except (KeyError, ValueError) as error:
        reason = str(error) if isinstance(error, InputError) else f"is malformed ({error})"
        raise InputError(f"shape {place + 1}: {reason}") from error


def _counts(element: ElementTree.Element, size: Size) -> bytes | None:
    """Run lengths of a shape; None if it has no area."""
    if element.tag == "polygon":
        points = element.attrib["points"].replace(";", ",").split(",")
        return from_polygons([[float(number) for number in points]], size)
    if element.tag == "mask":
        return from_area(_mask(element, size))
    return None


def _mask(element: ElementTree.Element, size: Size) -> np.ndarray:
    """Decode a mask, which is stored as run lengths along the rows of a box."""
    left, top, width, height = (
        int(element.attrib[name]) for name in ("left", "top", "width", "height")
    )
    if not (0 <= left <= left + width <= size[1] and 0 <= top <= top + height <= size[0]):
        raise InputError("its box must lie within the image.")
    counts = [int(count) for count in element.attrib["rle"].split(",")]
    area = np.zeros(size, bool)
    area[top : top + height, left : left + width] = repeat_runs(counts, (height, width), "C")
    return area
