"""Detect the layout of a data set, and list its videos."""

from collections.abc import Callable, Collection
from pathlib import Path

from ytvos_keras.datasets.readers.davis import list_davis
from ytvos_keras.datasets.readers.listing import Listing
from ytvos_keras.datasets.readers.pictures import list_pictures_with_masks
from ytvos_keras.datasets.readers.youtube_vos import list_youtube_vos
from ytvos_keras.datasets.sequence_folders import check_is_folder
from ytvos_keras.errors import InputError

_LISTS: dict[str, Callable[..., Listing]] = {
    "youtube-vos": list_youtube_vos,
    "davis": list_davis,
    "images": list_pictures_with_masks,
}
LAYOUTS = tuple(_LISTS)

_FOLDERS = {  # by which a layout is recognized
    "images": ("img",),
    # Before YouTube-VOS, as both have a folder JPEGImages.
    "davis": ("ImageSets", "JPEGImages/480p"),
    "youtube-vos": ("JPEGImages", "JPEGImages_all_frames"),
}


def find_layout(root: str | Path) -> str:
    """Detect the layout of a data set from its folders.

    It is `images` for folders `img`, `davis` for `ImageSets` or a level `480p`, and `youtube-vos`
    for any other folder `JPEGImages`. Its own folders count before those one level further down.
    """
    root = Path(root)
    check_is_folder(root)
    for level in ("", "*/"):
        for layout, names in _FOLDERS.items():
            if any(place.is_dir() for name in names for place in root.glob(level + name)):
                return layout
    raise InputError(
        f"{root}: not a data set in a known layout; expected folders JPEGImages and Annotations, "
        "or img and mask, or the file dataset.json of records."
    )


def list_layout(
    root: str | Path,
    layout: str,
    *,
    all_frames: bool = False,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> Listing:
    """List the videos of a data set's folders, for a layout in `LAYOUTS`.

    For `all_frames` see `read_youtube_vos`, for `videos` and `exclude` see `select_names`.
    """
    if layout not in _LISTS:
        raise InputError(f"layout must be one of {', '.join(_LISTS)}. Received: {layout!r}")
    check_all_frames(all_frames, layout)
    options = {"all_frames": True} if all_frames else {}
    return _LISTS[layout](root, videos=videos, exclude=exclude, **options)


def check_all_frames(all_frames: bool, layout: str) -> None:
    """Make sure that `all_frames` is only asked of a layout that has them."""
    if all_frames and layout != "youtube-vos":
        raise InputError(f"all_frames is only for the layout youtube-vos. Received: {layout!r}")
