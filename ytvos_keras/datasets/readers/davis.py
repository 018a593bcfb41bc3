"""Read DAVIS 2016 and 2017."""

from collections.abc import Collection
from pathlib import Path

from ytvos_keras.datasets.davis_layout import open_davis, read_image_set
from ytvos_keras.datasets.readers.listing import Listing, list_sources
from ytvos_keras.datasets.readers.sources import FRAMES, MASKS, Source, find_roots
from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError

_YEARS = (2016, 2017)


def read_davis(
    root: str | Path,
    *,
    year: int = 2017,
    split: str | None = None,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> list[Video]:
    """List the sequences of DAVIS.

    Args:
        root: the folder with `JPEGImages/480p/<sequence>/`, `Annotations/480p/<sequence>/` and, for
            `split`, `ImageSets/`. Instead of `480p` there may be `Full-Resolution`, or no such
            level. Or a folder that contains several such data sets: their sequences are then named
            `<folder>/<sequence>`.
        year: 2017: every id is an object. 2016: all ids together (or 255) are one object, id 1.
        split: such as `train` or `val`; None for all sequences. See `read_image_set`.
        videos: names of the sequences wanted; None for all. See `select_names`.
        exclude: names of sequences to leave out.

    Returns:
        The annotated sequences, those of a split in its order. No image has been opened.

    Raises:
        InputError: the folder has another layout, the split does not exist, or files do not belong
            together (a mask without its frame …); the message names the first of them.

    Example:
        >>> len(read_davis("DAVIS", split="train"))
        60
    """
    return list_davis(root, year=year, split=split, videos=videos, exclude=exclude).annotated()


def list_davis(
    root: str | Path,
    *,
    year: int = 2017,
    split: str | None = None,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> Listing:
    """Like `read_davis`, but lists faults of the folders instead of raising an error."""
    root = Path(root)
    if year not in _YEARS:
        raise InputError(f"year must be 2016 or 2017. Received: {year}")
    roots = find_roots(root, (FRAMES,))
    if split is not None and roots[0][0]:
        raise InputError(f"{root}: has several data sets; for split {split!r}, give one of them.")
    names = read_image_set(root, year, split) if split is not None else None
    sources = []
    for prefix, folder in roots:
        if not (folder / MASKS).is_dir():
            raise InputError(f"{folder / MASKS}: no such folder; the masks belong in it.")
        layout = open_davis(folder)
        if layout.frames is None:
            missing = folder / FRAMES / layout.annotations.relative_to(folder / MASKS)
            raise InputError(f"{missing}: no such folder; the frames belong in it.")
        sources.append(
            Source(prefix, layout.frames, layout.annotations, names=names, binary=year == 2016)
        )
    # `ytvos-prepare check` does not read the lists in ImageSets.
    options = () if names is None else None
    return list_sources(sources, root, videos=videos, exclude=exclude, check_options=options)
