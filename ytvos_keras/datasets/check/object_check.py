"""Check that the objects of a video appear where `meta.json` lists them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.video import Frame, Video

Objects = Mapping[str, Mapping[int, int]]


def check_objects(video: Video, objects: Objects) -> list[Fault]:
    """Compare the masks of a video with its entry in `meta.json`.

    `objects` maps names of annotated frames to the sizes in pixels of the objects in their masks;
    frames with unusable masks are left out. The object of black-and-white masks is object 1, as in
    records.
    """
    annotated = [frame for frame in video.frames if frame.mask is not None]
    faults = [*_empty_masks(video, annotated, objects)]
    if video.object_frames is None:
        return faults
    faults += _unknown_ids(video.object_frames, annotated, objects)
    return [*faults, *_unseen_objects(video, video.object_frames, annotated, objects)]


def _empty_masks(video: Video, annotated: list[Frame], objects: Objects) -> Iterator[Fault]:
    if not annotated or len(objects) < len(annotated):
        return  # already reported, and the unusable mask may be the one with the object
    if not any(objects.values()):
        yield Fault("no-object", _place(video))
    elif not objects[annotated[0].name]:
        yield Fault("empty-first-mask", str(annotated[0].mask))


def _unknown_ids(
    known: Mapping[int, object],
    annotated: list[Frame],
    objects: Objects,
) -> Iterator[Fault]:
    for frame in annotated:
        unknown = sorted(objects.get(frame.name, {}).keys() - known.keys())
        if unknown:
            what = f"ids {', '.join(map(str, unknown))}; listed: {', '.join(map(str, known))}"
            yield Fault("unknown-ids", str(frame.mask), what)


def _unseen_objects(
    video: Video,
    object_frames: Mapping[int, tuple[str, ...]],
    annotated: list[Frame],
    objects: Objects,
) -> Iterator[Fault]:
    seen = {number for areas in objects.values() for number in areas}
    masks = {frame.name: frame.mask for frame in annotated}
    first_is_empty = bool(annotated) and not objects.get(annotated[0].name, True)
    for number, names in object_frames.items():
        category = f" ({video.categories[number]})" if number in video.categories else ""
        first = names[0] if names else None
        if number not in seen:
            # Otherwise the object may be in an unusable mask, which is already reported.
            if len(objects) == len(annotated):
                yield Fault("object-never-seen", _place(video), f"object {number}{category}")
        elif first is not None and first in objects and number not in objects[first]:
            if not (first_is_empty and first == annotated[0].name):  # already reported
                yield Fault("object-absent", str(masks[first]), f"object {number}{category}")
        elif first is not None and first not in masks:
            what = f"{first}, the first frame of object {number}{category}"
            yield Fault("missing-mask", _place(video), what)


def _place(video: Video) -> str:
    """Name a whole video in a report: by the folder of its frames, if it has one."""
    image = video.frames[0].image
    return str(image.parent) if isinstance(image, Path) and len(video.frames) > 1 else video.name
