"""Export formats of a project."""

import contextlib
import dataclasses
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ytvos_keras.annotate.project import Project
from ytvos_keras.annotate.project_files import ObjectInfo, new_object
from ytvos_keras.errors import InputError, counted
from ytvos_keras.inference.outputs.coco_results import CocoResults
from ytvos_keras.inference.outputs.image_outputs import black_and_white, cut_out, folder_name
from ytvos_keras.inference.outputs.videos import FOLDER_FPS, CutoutVideo, OverlayVideo
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.masks import ids_in, mask_picture
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.random_frames import RandomFrames

EXPORT_FOLDER = "exports"

Tick = Callable[[int, int], None]
"""Called after every frame with the number of frames done and the total."""


@dataclasses.dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        title: shown on the page.
        file: name of the file in `DIR/exports`.
        write: writes the file atomically; returns what the user should know about it, or None.
    """

    title: str
    file: str
    write: Callable[[Project, Path, Tick], str | None]


class Exported(NamedTuple):
    """An exported file, and what the user should know about it, or ""."""

    path: Path
    note: str


def export(project: Project, name: str, tick: Tick = lambda done, total: None) -> Exported:
    """Export a project in one of `FORMATS`, to the project's `exports` folder.

    `tick` is called after every frame. Raises an `InputError` for a project without masks.
    """
    if name not in FORMATS:
        raise InputError(f"unknown export format {name!r}; choose one of {', '.join(FORMATS)}.")
    if not any(map(project.has_mask, range(project.frames.count))):
        raise InputError("there is no mask to export yet; draw an object first.")
    path = project.folder / EXPORT_FOLDER / FORMATS[name].file
    path.parent.mkdir(exist_ok=True)
    return Exported(path, FORMATS[name].write(project, path, tick) or "")


def _objects(project: Project) -> dict[int, ObjectInfo]:
    """The objects as they are now; the page may change them at any time."""
    with project.lock:
        return dict(project.objects)


def _masks(project: Project, tick: Tick) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and label map of every frame that has a mask."""
    indexes = _annotated(project)
    for done, index in enumerate(indexes, start=1):
        yield project.frames.name(index), project.mask(index)
        tick(done, len(indexes))


def _palette_masks(project: Project, path: Path, tick: Tick) -> None:
    with _zip(path) as add:
        for name, labels in _masks(project, tick):
            add(f"{name}.png", mask_picture(labels))


def _binary_masks(project: Project, path: Path, tick: Tick) -> None:
    """Black and white: 255 inside objects, 0 elsewhere."""
    with _zip(path) as add:
        for name, labels in _masks(project, tick):
            add(f"{name}.png", Image.fromarray(black_and_white(labels > 0)))


def _object_masks(project: Project, path: Path, tick: Tick) -> None:
    """A folder for each object, black and white."""
    folders = {i: folder_name(i, info.name) for i, info in _objects(project).items()}
    with _zip(path) as add:
        for name, labels in _masks(project, tick):
            for object_id, folder in folders.items():
                mask = black_and_white(labels == object_id)
                add(f"{folder}/{name}.png", Image.fromarray(mask))


def _cutout(project: Project, path: Path, tick: Tick) -> None:
    """The objects on a transparent background: RGBA images."""
    with _zip(path) as add:
        for item in _items(project, tick, all_frames=False):
            add(f"{item.name}.png", Image.fromarray(cut_out(item)))


def _cutout_video(project: Project, path: Path, tick: Tick) -> None:
    _write(project, CutoutVideo(path, project.frames.fps or FOLDER_FPS), tick)


def _overlay_video(project: Project, path: Path, tick: Tick) -> None:
    palette = davis_palette().copy()
    for object_id, info in _objects(project).items():
        palette[object_id] = list(bytes.fromhex(info.colour[1:]))
    _write(
        project, OverlayVideo(path, project.frames.fps or FOLDER_FPS, ObjectStyle(palette)), tick
    )


def _coco(project: Project, path: Path, tick: Tick) -> None:
    """COCO instances: one annotation in run lengths per object and frame."""
    objects = _objects(project)
    style = ObjectStyle(davis_palette(), {i: info.name for i, info in objects.items()})
    _write(project, CocoResults(path, style, sorted(objects)), tick, all_frames=False)


def _write(project: Project, writer: OutputWriter, tick: Tick, all_frames: bool = True) -> None:
    with writer:
        for item in _items(project, tick, all_frames):
            writer.write(item)


def _items(project: Project, tick: Tick, all_frames: bool) -> Iterator[MaskedFrame]:
    """Yield frames with their masks: all of them, or those that have a mask file."""
    # Not the page's reader, which would seek back and forth between the export and the page.
    frames = RandomFrames(project.frames.path)
    indexes = [*range(frames.count)] if all_frames else _annotated(project)
    for done, index in enumerate(indexes, start=1):
        name, labels = frames.name(index), project.mask(index)
        yield MaskedFrame(index, name, frames.frame(index), labels, frames.time(index))
        tick(done, len(indexes))


def _youtube_vos(project: Project, path: Path, tick: Tick) -> str | None:
    """A data set of one video that `ytvos-prepare youtube-vos` can read once it is unpacked.

    Frames in which an object is unknown are left out: training would learn that it is absent.
    """
    annotated = _annotated(project)
    left_out = {index for index in annotated if project.unknown(index)}
    if len(left_out) == len(annotated):
        raise InputError(
            "every frame with a mask lacks an object that is neither drawn nor propagated there; "
            "propagate both ways (R) first."
        )
    video = _file_name(project.frames.path.stem)
    seen: dict[int, list[str]] = {}
    with _zip(path) as add:
        for item in _items(project, tick, all_frames=False):
            if item.index in left_out:
                continue
            name = _in_zip(item.name)
            add(f"JPEGImages/{video}/{name}.jpg", Image.fromarray(item.frame))
            add(f"Annotations/{video}/{name}.png", mask_picture(item.labels))
            for object_id in ids_in(item.labels):
                seen.setdefault(object_id, []).append(name)
        known = _objects(project)  # without those deleted since their masks were written
        objects = {
            str(i): {"category": known.get(i, new_object(i)).name, "frames": names}
            for i, names in sorted(seen.items())
        }
        add("meta.json", json.dumps({"videos": {video: {"objects": objects}}}, indent=1))
    if not left_out:
        return None
    return (
        f"without {counted(len(left_out), 'frame')} in which an object is neither drawn nor "
        "propagated; propagate both ways (R) to include them"
    )


def _annotated(project: Project) -> list[int]:
    """The frames that have a mask."""
    return [i for i in range(project.frames.count) if project.has_mask(i)]


@contextlib.contextmanager
def _zip(path: Path) -> Iterator[Callable[[str, Image.Image | str], None]]:
    """Yield a function that adds an image or text under a name."""
    # Stored, not deflated: images are already compressed.
    with atomic_path(path) as part, zipfile.ZipFile(part, "w") as archive:

        def add(name: str, content: Image.Image | str) -> None:
            name = _in_zip(name)
            if isinstance(content, str):
                archive.writestr(name, content)
                return
            # Straight into the archive, to avoid a second copy in memory.
            with archive.open(name, "w") as file:
                if name.endswith(".jpg"):
                    content.save(file, "JPEG", quality=95)
                else:
                    content.save(file, "PNG")

        yield add


def _in_zip(name: str) -> str:
    """A name in a zip file, which must be valid Unicode; names of frames may not be."""
    return re.sub("[\ud800-\udfff]", lambda found: f"_u{ord(found[0]):04x}", name)


def _file_name(text: str) -> str:
    """A file name that is valid on every system."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "video"


FORMATS = {
    "palette": Format("Palette PNGs", "masks.zip", _palette_masks),
    "binary": Format("Black-and-white PNGs", "binary.zip", _binary_masks),
    "per-object": Format("PNGs of each object", "objects.zip", _object_masks),
    "overlay": Format("Overlay video", "overlay.mp4", _overlay_video),
    "cutout": Format("Cut-out (PNGs with alpha)", "cutout.zip", _cutout),
    "cutout-video": Format("Cut-out video (WebM with alpha)", "cutout.webm", _cutout_video),
    "coco": Format("COCO JSON (RLE)", "coco.json", _coco),
    "youtube-vos": Format("Data set (YouTube-VOS)", "youtube-vos.zip", _youtube_vos),
}
