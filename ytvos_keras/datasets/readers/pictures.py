"""Read folders of images with instance masks: each image is a video of one frame."""

from collections.abc import Collection, Iterator
from pathlib import Path

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.readers.listing import Listing, masks_by_name, pictures_by_name
from ytvos_keras.datasets.readers.sources import find_roots
from ytvos_keras.datasets.selection import select_names
from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import plain_name

_IMAGES, _MASKS = "img", "mask"


def read_pictures(
    root: str | Path, *, videos: Collection[str] | None = None, exclude: Collection[str] = ()
) -> list[Video]:
    """List images and their masks.

    Args:
        root: a source, or a folder of sources. A source is a folder `<source>/img` of JPEG or PNG
            images with a folder `<source>/mask` of PNG masks of the same names: 0 is background,
            1–254 are objects, 255 is void.
        videos: names of the images wanted (`<source>/<stem>`, or `<source>` for all of one); None
            for all. See `select_names`.
        exclude: names of images to leave out.

    Returns:
        Videos of one frame named `<source>/<stem>`, by source and in natural order. No image
        has been opened.

    Raises:
        InputError: the folder has another layout or no images, or an image has no mask or a mask
            no image; the message names the first.

    Example:
        >>> read_pictures("images", exclude=["camvid_objects"])[0].name
        'baguette_via/baguette_via_00000'
    """
    return list_pictures_with_masks(root, videos=videos, exclude=exclude).annotated()


def list_pictures_with_masks(
    root: str | Path, *, videos: Collection[str] | None = None, exclude: Collection[str] = ()
) -> Listing:
    """Like `read_pictures`, but lists faults of the folders instead of raising an error."""
    root = Path(root)
    found: dict[str, Video] = {}
    faults: dict[str, list[Fault]] = {}
    for _, source in find_roots(root, (_IMAGES,)):
        for name, video, problems in _of_source(source):
            faults.setdefault(name, []).extend(problems)
            if video is not None:
                found[name] = video
    if not found:
        raise InputError(f"{root}: no images (JPEG or PNG) in the folder {_IMAGES}.")
    names = select_names(list(faults), root, videos=videos, exclude=exclude)
    return Listing(
        root,
        tuple(found[name] for name in names if name in found),
        tuple(fault for name in names for fault in faults[name]),
    )


def _of_source(source: Path) -> Iterator[tuple[str, Video | None, list[Fault]]]:
    """Yield (name, video, its faults), and (name, None, faults) for masks without an image."""
    prefix = source.absolute().name  # `.` has no name
    pictures, faults = pictures_by_name(source / _IMAGES)
    masks, mask_faults = masks_by_name(source / _MASKS, pictures, source / _IMAGES)
    of_stem: dict[str, list[Fault]] = {}
    for fault in faults + mask_faults:
        of_stem.setdefault(plain_name(Path(fault.file).stem), []).append(fault)
    for stem, image in pictures.items():
        problems = of_stem.pop(stem, [])
        # A mask in a wrong format, already reported, is not missing.
        if stem not in masks and not problems:
            problems.append(Fault("missing-mask", str(source / _MASKS / f"{stem}.png")))
        name = f"{prefix}/{stem}"
        yield name, Video(name, (Frame(stem, image, masks.get(stem)),)), problems
    for stem, problems in of_stem.items():
        yield f"{prefix}/{stem}", None, problems
