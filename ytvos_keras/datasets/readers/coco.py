"""Read images with COCO annotations."""

import reprlib
import warnings
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ytvos_keras.datasets.readers.annotated_pictures import (
    AnnotatedPicture,
    drawn_videos,
    picture_path,
)
from ytvos_keras.datasets.readers.drawn_mask import Shape
from ytvos_keras.datasets.readers.run_lengths import area_of, from_coco
from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.json_file import read_json


def read_coco(
    annotations: str | Path,
    images: str | Path,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
    crowds: bool = False,
) -> list[Video]:
    """List images with their instances (https://cocodataset.org/#format-data).

    Every annotation is an object, numbered from the largest to the smallest; where two overlap, the
    smaller one is on top. Crowds (`iscrowd`), annotations with only a box, and images without an
    object are left out, with a warning.

    Args:
        annotations: such as `instances_train2017.json`, from COCO or exported by CVAT or Roboflow.
        images: the folder that `file_name`s are relative to.
        videos: names of the images wanted (`file_name` without suffix); None for all. See
            `select_names`.
        exclude: names of images to leave out.
        crowds: use crowds as objects: CVAT marks every mask painted with the brush as a crowd.

    Returns:
        Videos of one frame in the order of the file. Only the headers of the images have been
        read.

    Raises:
        InputError: the file is malformed, an image is missing, or pycocotools is not installed.

    Example:
        >>> video = read_coco("instances_val2017.json", "val2017")[0]
        >>> video.categories
        {1: 'person', 2: 'skis'}
    """
    path = Path(annotations)
    content = read_json(path)
    try:
        categories = {entry["id"]: entry["name"] for entry in content.get("categories", ())}
        of_image: dict[Any, list[dict]] = {entry["id"]: [] for entry in content["images"]}
        if len(of_image) < len(content["images"]):
            raise ValueError("two images have the same id")
        for entry in content["annotations"]:
            if entry["image_id"] not in of_image:
                raise InputError(
                    f"{path}: annotation {entry.get('id')!r} belongs to image "
                    f"{entry['image_id']!r}, which is not among the images; remove the annotation, "
                    "or write both ids alike."
                )
            of_image[entry["image_id"]].append(entry)
        pictures = [
            AnnotatedPicture(
                str(picture_path(entry["file_name"]).with_suffix("")),
                Path(images) / picture_path(entry["file_name"]),
                f"{path.name}: {entry['file_name']}",
                (entry["height"], entry["width"]),
                partial(_shapes, of_image[entry["id"]], categories, entry, crowds),
            )
            for entry in content["images"]
        ]
    except InputError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path}: is not a COCO file of instances; expected images, annotations and "
            f"categories with their members. ({type(error).__name__}: {error})"
        ) from error
    if not crowds:
        _warn_of_crowds(path, content)
    return drawn_videos(pictures, path, videos=videos, exclude=exclude)


def _warn_of_crowds(path: Path, content: dict[str, Any]) -> None:
    names = {entry["id"]: entry["file_name"] for entry in content["images"]}
    places = [names[entry["image_id"]] for entry in content["annotations"] if _is_crowd(entry)]
    if places:
        pictures = list(dict.fromkeys(places))
        warnings.warn(
            f"{path}: left out, crowds (iscrowd: {len(places)}) in {pictures[0]}"
            f"{and_more(pictures[1:])}; CVAT exports brush masks as crowds: --crowds (in Python: "
            "crowds=True) treats them as objects.",
            stacklevel=3,
        )


def _is_crowd(annotation: dict[str, Any]) -> bool:
    return bool(annotation.get("iscrowd"))


def _shapes(
    annotations: list[dict[str, Any]],
    categories: dict[int, str],
    image: dict[str, Any],
    crowds: bool,
) -> Iterator[Shape | None]:
    size = (image["height"], image["width"])
    shapes = []
    for place, entry in enumerate(annotations):
        if _is_crowd(entry) and not crowds:
            continue
        segmentation = entry.get("segmentation")
        try:
            counts = from_coco(segmentation, size) if segmentation else None
        except InputError as error:
            raise InputError(f"annotation {reprlib.repr(entry.get('id'))}: {error}") from error
        if counts is None:
            yield None
        else:
            shapes.append(Shape(place, categories.get(entry.get("category_id", -1)), counts))
    # COCO has no depth order: smaller objects are assumed to be in front of larger ones.
    yield from sorted(shapes, key=lambda shape: -area_of(shape.counts, size))
