"""The videos that a data set's folders hold, and what is wrong with the folders themselves."""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import natsort

from ytvos_keras.datasets.check.faults import Fault, raise_first
from ytvos_keras.datasets.readers.sources import FRAMES, Source
from ytvos_keras.datasets.selection import select_names
from ytvos_keras.datasets.sequence_folders import check_is_folder
from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.datasets.youtube_vos_meta import ObjectMeta, read_meta
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.folder_frames import PICTURE_SUFFIXES, list_pictures


@dataclass(frozen=True)
class Listing:
    """What a data set's folders hold. No picture has been opened.

    Args:
        root: the data set.
        videos: in order, those without a mask too.
        faults: of the folders and lists.
    """

    root: Path
    videos: tuple[Video, ...]
    faults: tuple[Fault, ...]

    def annotated(self) -> list[Video]:
        """The videos that have a mask; one warning names the others.

        Raises:
            InputError: the folders have a fault, or there is no annotated video.
        """
        raise_first(self.faults, self.root)
        bare = [fault.file for fault in self.faults if fault.kind == "not-annotated"]
        videos = [video for video in self.videos if any(frame.mask for frame in video.frames)]
        if not videos:
            raise InputError(
                f"{self.root}: none of {len(self.videos)} videos is annotated; masks belong in "
                "Annotations/<video>/<frame>.png."
            )
        if bare:
            warnings.warn(
                f"{bare[0]}: left out, this video has no mask{and_more(bare[1:])}.", stacklevel=3
            )
        return videos


def list_sources(
    sources: Sequence[Source],
    root: Path,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> Listing:
    """List the videos of one or several sources.

    Args:
        sources: where they lie.
        root: what holds all sources.
        videos: names of those wanted, see `select_names`.
        exclude: names of those not wanted, see `select_names`.

    Raises:
        InputError: a folder or list is missing or malformed, there is no video, or the names fit
            none.
    """
    found: dict[str, tuple[Video | None, list[Fault]]] = {}
    for source in sources:
        found.update(_of_source(source))
    if not found:
        raise InputError(f"{root}: no video in it; every video is a folder of frames in {FRAMES}.")
    names = select_names(list(found), root, videos=videos, exclude=exclude)
    chosen = [found[name] for name in names]
    return Listing(
        root,
        tuple(video for video, _ in chosen if video is not None),
        tuple(fault for _, faults in chosen for fault in faults),
    )


def pictures_by_name(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """The JPEG and PNG files of a folder by their names without suffix, in natural order."""
    files: dict[str, Path] = {}
    faults = []
    for file in list_pictures(folder, PICTURE_SUFFIXES):
        if file.stem in files:
            faults.append(Fault("same-name", str(file), f"beside {files[file.stem].name}"))
        files.setdefault(file.stem, file)
    return files, faults


def masks_by_name(folder: Path, frames: Collection[str]) -> tuple[dict[str, Path], list[Fault]]:
    """The PNG masks of a folder by their names; faults are JPEG masks and masks of no frame.

    Where no mask at all has a frame, `repair` leaves them in place: most likely the frames are
    named otherwise, or are still to come.

    Args:
        folder: need not exist.
        frames: names of the frames that there are.
    """
    files = list_pictures(folder, PICTURE_SUFFIXES) if folder.is_dir() else []
    repair = "aside" if any(file.stem in frames for file in files) else None
    masks = {file.stem: file for file in files if file.suffix.lower() == ".png"}
    faults = [
        Fault("jpeg-mask", str(file))
        for file in files
        if file.stem in frames and file.stem not in masks
    ]
    faults += [
        Fault("annotation-without-frame", str(file), repair=repair)
        for file in files
        if file.stem not in frames
    ]
    return masks, faults


def _of_source(source: Source) -> Iterator[tuple[str, tuple[Video | None, list[Fault]]]]:
    """Yield (name, (video or None, its faults)) for every video that is there or should be."""
    with_frames, with_masks = _folder_names(source.frames), _folder_names(source.masks)
    paired = not with_frames.isdisjoint(with_masks)  # else see `masks_by_name`
    meta = read_meta(source.meta) if source.meta else None
    if not with_frames and list_pictures(source.frames, PICTURE_SUFFIXES):
        raise InputError(f"{source.frames}: holds frames itself; make one folder for each video.")
    names = source.names
    if names is None:
        names = natsort.natsorted({*with_frames, *with_masks, *(meta or ())})
    for name in names:
        if name in with_frames:
            video, faults = _list_video(source, name)
            if meta is not None and video is not None:
                video, more = _with_meta(video, meta.get(name), source.frames / name)
                faults += more
        elif name in with_masks and (meta is None or name not in meta) and source.names is None:
            mask_folder, repair = str(source.masks / name), "aside" if paired else None
            video = None
            faults = [Fault("annotation-without-frame", mask_folder, "a folder", repair)]
        else:
            video, faults = None, [Fault("missing-video", str(source.frames / name))]
        yield source.prefix + name, (video, faults)


def _list_video(source: Source, name: str) -> tuple[Video | None, list[Fault]]:
    pictures, faults = pictures_by_name(source.frames / name)
    masks, mask_faults = masks_by_name(source.masks / name, pictures)
    faults += mask_faults
    if not pictures:
        return None, [*faults, Fault("no-frames", str(source.frames / name))]
    if not masks.keys() & pictures.keys():
        faults.append(Fault("not-annotated", str(source.frames / name)))
    frames = tuple(Frame(stem, path, masks.get(stem)) for stem, path in pictures.items())
    return Video(source.prefix + name, frames, binary=source.binary), faults


def _with_meta(
    video: Video, objects: Mapping[int, ObjectMeta] | None, folder: Path
) -> tuple[Video, list[Fault]]:
    """Add what `meta.json` says of a video."""
    if objects is None:
        return video, [Fault("unlisted-video", str(folder))]
    if not objects:  # clips that wait for their annotation
        return video, []
    there = {frame.name for frame in video.frames}
    listed = {name for item in objects.values() for name in item.frames}
    faults = []
    if lacking := natsort.natsorted(listed - there):
        what = f"and {len(lacking) - 1} more of this video" if lacking[1:] else ""
        faults.append(Fault("missing-frame", str(folder / lacking[0]), what))
    return (
        replace(
            video,
            categories={i: item.category for i, item in objects.items() if item.category},
            object_frames={i: item.frames for i, item in objects.items()},
        ),
        faults,
    )


def _folder_names(folder: Path) -> set[str]:
    check_is_folder(folder)
    return {
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    }
