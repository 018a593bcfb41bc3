"""List the videos in a data set's folders, and the faults of the folders themselves."""

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
from ytvos_keras.media.listing import (
    JPEG_SUFFIXES,
    VIDEO_SUFFIXES,
    child,
    is_broken_link,
    is_hidden,
    list_pictures,
    plain_name,
    unread_files,
)


@dataclass(frozen=True)
class Listing:
    """The videos in a data set's folders. No image has been opened.

    Args:
        root: the data set.
        videos: in order, including those without a mask.
        faults: of the folders and lists.
        check_options: options with which `ytvos-prepare check` lists the same faults; None if it
            cannot.
    """

    root: Path
    videos: tuple[Video, ...]
    faults: tuple[Fault, ...]
    check_options: Sequence[str] | None = ()

    def annotated(self) -> list[Video]:
        """The videos that have a mask; one warning names the others.

        Raises an `InputError` if the folders have a fault.
        """
        raise_first(self.faults, self.root, self.check_options)
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
    check_options: Sequence[str] | None = (),
) -> Listing:
    """List the videos of one or several sources in a folder.

    For `videos` and `exclude` see `select_names`, for `check_options` see `Listing`.
    """
    found: dict[str, tuple[Video | None, list[Fault]]] = {}
    for source in sources:
        found.update(_of_source(source))
    if not found:
        raise InputError(f"{root}: contains no video; each must be a folder of frames in {FRAMES}.")
    names = select_names(list(found), root, videos=videos, exclude=exclude)
    chosen = [found[name] for name in names]
    return Listing(
        root,
        tuple(video for video, _ in chosen if video is not None),
        tuple(fault for _, faults in chosen for fault in faults),
        check_options,
    )


def pictures_by_name(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """The images of a folder by their names without suffix, in natural order.

    Faults are two images with the same name, and files in an unsupported format.
    """
    files: dict[str, Path] = {}
    faults = [
        Fault("frame-format", str(file), f"{file.suffix or 'no suffix'}, which is not supported")
        for file in unread_files(folder)
    ]
    for file in list_pictures(folder):
        name = plain_name(file.stem)
        if name in files:
            faults.append(Fault("same-name", str(file), f"beside {files[name].name}"))
        files.setdefault(name, file)
    return files, faults


def masks_by_name(
    folder: Path, frames: Collection[str], frame_folder: Path
) -> tuple[dict[str, Path], list[Fault]]:
    """The masks of a folder by name; faults are masks without a frame, and files of other formats.

    `repair` does not move a mask without a frame if a similarly named file lies among the frames
    (another format, another case), or if no mask at all has a frame: most likely the frames are
    named differently, or are still missing.

    Args:
        folder: need not exist.
        frames: names of the existing frames, in the form of `plain_name`.
        frame_folder: the folder that contains them.
    """
    if not folder.is_dir():
        return {}, []
    # The sort is stable, so PNGs come first and the natural order stays within both kinds.
    files = sorted(list_pictures(folder), key=lambda file: file.suffix.lower() != ".png")
    masks: dict[str, Path] = {}
    for file in files:  # among files of the same name, the PNG
        masks.setdefault(plain_name(file.stem), file)
    known = {_loose(entry.stem) for entry in frame_folder.iterdir()}
    paired = not masks.keys().isdisjoint(frames)
    faults = []
    for name, file in list(masks.items()):
        if name not in frames:
            repair = "aside" if paired and _loose(name) not in known else None
            faults.append(Fault("annotation-without-frame", str(file), repair=repair))
        elif file.suffix.lower() in JPEG_SUFFIXES:
            faults.append(Fault("jpeg-mask", str(masks.pop(name))))
    faults += [
        Fault("colour-mask", str(file), f"{file.suffix or 'no suffix'}, which is not supported")
        for file in unread_files(folder, VIDEO_SUFFIXES)
    ]
    return masks, faults


def _loose(name: str) -> str:
    """Normalize a name: files with the same normalized name may belong together."""
    return plain_name(name).casefold()


def _of_source(source: Source) -> Iterator[tuple[str, tuple[Video | None, list[Fault]]]]:
    """Yield (name, (video or None, its faults)) for every video that exists or should."""
    with_frames, with_masks = _folder_names(source.frames), _folder_names(source.masks)
    paired = not with_frames.isdisjoint(with_masks)  # else see `masks_by_name`
    frame_entries = {_loose(form) for e in source.frames.iterdir() for form in (e.name, e.stem)}
    meta = read_meta(source.meta) if source.meta else None
    if not with_frames and list_pictures(source.frames):
        raise InputError(f"{source.frames}: contains frames; make one folder for each video.")
    names = source.names
    if names is None:
        # From all three places, so that a video missing in one of them is reported.
        # Sorted twice: natural order has ties (`a1`, `a01`), and the order of a set varies.
        names = natsort.natsorted(sorted({*with_frames, *with_masks, *(meta or ())}))
    for name in names:
        if name in with_frames:
            video, faults = _list_video(source, name)
            if meta is not None and video is not None:
                video, more = _with_meta(video, meta.get(name), source.frames / name)
                faults += more
        # If meta.json or a list names the video, its masks are not superfluous: frames are missing.
        elif name in with_masks and (meta is None or name not in meta) and source.names is None:
            mask_folder = child(source.masks, name)
            if _is_empty(mask_folder):
                continue  # of a clip from `ytvos-prepare videos` whose frames were removed
            repair = "aside" if paired and _loose(name) not in frame_entries else None
            video = None
            faults = [Fault("annotation-without-frame", str(mask_folder), "a folder", repair)]
        else:
            video, faults = None, [Fault("missing-video", str(source.frames / name))]
        yield source.prefix + name, (video, faults)


def _list_video(source: Source, name: str) -> tuple[Video | None, list[Fault]]:
    folder, mask_folder = child(source.frames, name), child(source.masks, name)
    for link in (folder, mask_folder):
        if is_broken_link(link):
            return None, [Fault("broken-link", str(link), f"to {link.readlink()}")]
    pictures, faults = pictures_by_name(folder)
    masks, mask_faults = masks_by_name(mask_folder, pictures, folder)
    faults += mask_faults
    if not pictures:
        return None, [*faults, Fault("no-frames", str(folder))]
    if not masks.keys() & pictures.keys():
        faults.append(Fault("not-annotated", str(folder)))
    frames = tuple(Frame(stem, path, masks.get(stem)) for stem, path in pictures.items())
    return Video(source.prefix + name, frames, binary=source.binary), faults


def _with_meta(
    video: Video, objects: Mapping[int, ObjectMeta] | None, folder: Path
) -> tuple[Video, list[Fault]]:
    """Add what `meta.json` says about a video."""
    if objects is None:
        # The video stays in the list, so that its images are still checked.
        return video, [Fault("unlisted-video", str(folder))]
    if not objects:  # a clip that is not annotated yet
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


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and all(map(is_hidden, folder.iterdir()))


def _folder_names(folder: Path) -> set[str]:
    check_is_folder(folder)
    return {
        plain_name(entry.name)
        for entry in folder.iterdir()
        if (entry.is_dir() or is_broken_link(entry)) and not is_hidden(entry)
    }
