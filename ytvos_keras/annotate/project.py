"""The folder of an annotation project: masks, trusted objects, names and colours."""

import contextlib
import dataclasses
import itertools
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from ytvos_keras.annotate.project_files import (
    PREDICTED_NAME,
    PROJECT_NAME,
    VERSION,
    ByName,
    ObjectInfo,
    Prediction,
    new_object,
    read_predictions,
    read_project,
    split,
)
from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import write_json
from ytvos_keras.media.masks import MAX_ID, ids_in, read_written_mask, write_mask
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.random_frames import RandomFrames

TRUSTED_FOLDER = "trusted"
_T = TypeVar("_T")


class Project:
    """Masks in a folder, in the layout of `ytvos-segment`, and which of them are trusted.

    `DIR/NAME.png` is the label map of a frame. `DIR/trusted/NAME.png` contains the objects that
    were drawn, corrected or accepted in that frame: only `save_drawn` changes it, and the folder
    can be given to `ytvos-segment --mask`. Files are written atomically. Thread-safe.

    Args:
        folder: created if it does not exist.
        frames: the video.

    Attributes:
        objects: id to name and colour.
        trusted: frame index to {object id: digest of its mask}; an object may be trusted to be
            absent from a frame.
        predicted: frame index to {object id: `Prediction`}.

    Raises:
        InputError: the folder contains files of another version, or damaged files.
    """

    def __init__(self, folder: str | Path, frames: RandomFrames):
        self.folder, self.frames = Path(folder), frames
        # Reentrant: methods that hold it call each other.
        self.lock = threading.RLock()
        self._deleting: set[int] = set()  # ids of objects
        self._drawn_first: set[int] = set()  # frames that had no mask before one was drawn
        self._deleted = threading.Condition(self.lock)
        index = {frames.name(i): i for i in range(frames.count)}
        (self.folder / TRUSTED_FOLDER).mkdir(parents=True, exist_ok=True)
        self.objects: dict[int, ObjectInfo] = {}
        trusted: ByName[str] = {}
        if known := read_project(self.folder):
            self.objects, trusted = known
        # Entries of frames that this video lacks are written back, so that nothing is lost.
        self.trusted, self._other_trusted = split(trusted, index)
        self.predicted, self._other_predicted = split(read_predictions(self.folder), index)
        self._find_objects()

    def has_mask(self, index: int) -> bool:
        """Whether there is a mask file for a frame."""
        return index in self.trusted or self._path(index).exists()

    def mask(self, index: int) -> np.ndarray:
        """The label map of a frame, uint8 (H, W); zeros where there is no file."""
        with self.lock:
            # A file with other colours than ours is the user's or from `ytvos-segment`.
            labels = self._read(self._path(index), davis_palette())
            # `ytvos-segment` may have added objects to the folder in the meantime.
            for object_id in ids_in(labels):
                self.objects.setdefault(object_id, new_object(object_id))
            drawn = self.trusted_mask(index)
            for object_id in self.trusted.get(index, {}):
                labels[labels == object_id] = 0
            return np.where(drawn > 0, drawn, labels)

    def trusted_mask(self, index: int) -> np.ndarray:
        """The trusted objects of a frame, uint8 (H, W); zeros where there are none."""
        if index not in self.trusted:
            return np.zeros(self.frames.size, np.uint8)
        return self._read(self._path(index, TRUSTED_FOLDER))

    def save_drawn(self, index: int, labels: np.ndarray, trusted: Iterable[int]) -> None:
        """Save the whole label map of a frame as the user drew it: uint8 (H, W).

        The objects in `trusted` are correct in this frame; those without a pixel are trusted to be
        absent.
        """
        trusted = sorted(set(trusted))
        if labels.shape != self.frames.size:
            raise InputError(f"the mask must be {self.frames.size}. Received: {labels.shape}.")
        ids = {*ids_in(labels), *trusted}
        # The other objects come from the model: drawing next to them does not confirm them.
        drawn = np.where(np.isin(labels, trusted), labels, 0).astype(np.uint8)
        with self.lock:
            self._check_ids(ids)
            # A trusted mask no longer follows from another frame, nor does one that was changed:
            # the page may have loaded the frame before the model replaced its masks.
            outdated = {*trusted, *self._changed(index, labels)}
            # First the file that must not be lost; `mask` overlays it on the other file.
            if trusted:
                write_mask(self._path(index, TRUSTED_FOLDER), drawn)
                self.trusted[index] = {i: _digest(drawn == i) for i in trusted}
            else:
                self.trusted.pop(index, None)
            self.save()
            if not trusted:
                # After saving the list of trusted frames, which must not name a missing file.
                self._path(index, TRUSTED_FOLDER).unlink(missing_ok=True)
            before = self.predicted.pop(index, {})
            if kept := {i: prediction for i, prediction in before.items() if i not in outdated}:
                self.predicted[index] = kept
            if not self._path(index).exists():
                self._drawn_first.add(index)
            if trusted or kept or labels.any() or index not in self._drawn_first:
                write_mask(self._path(index), labels)
            else:
                # All drawing was undone: the frame is not exported as one without objects.
                self._forget(index)

    def save_predicted(
        self, index: int, labels: np.ndarray, predictions: Mapping[int, Prediction]
    ) -> None:
        """Replace the masks of some objects in a frame, except those that are trusted there.

        `labels`, uint8 (H, W), is the model's output. Other objects only get pixels that those in
        `predictions` no longer cover, if they were predicted, too.
        """
        with self.lock:
            trusted = self.trusted.get(index, {})
            # An object may have been deleted while the model was running.
            ids = [i for i in predictions if i not in trusted and i in self.objects]
            if not ids:
                return
            others = [i for i in self.predicted.get(index, {}) if i not in ids]
            merged = self.mask(index)
            freed = np.isin(merged, ids)
            # Otherwise the other objects would keep a hole: their masks are not recomputed.
            merged[freed] = np.where(np.isin(labels, others), labels, 0)[freed]
            # Where objects overlap, trusted masks take precedence.
            free = ~np.isin(merged, list(trusted)) if trusted else True
            merged = np.where(np.isin(labels, ids) & free, labels, merged)
            write_mask(self._path(index), merged)
            self._drawn_first.discard(index)
            # After the file: an origin without its mask would pass for up to date.
            self.predicted.setdefault(index, {}).update({i: predictions[i] for i in ids})

    def unknown(self, index: int) -> list[int]:
        """The objects that are neither in a frame nor known to be absent from it.

        Only those that are trusted or predicted in some frame: of objects from another command,
        nothing but their masks is known.
        """
        with self.lock:
            tables = (self.trusted, self.predicted)
            tracked = {i for table in tables for ids in table.values() for i in ids}
            entries = self.trusted.get(index, {}).keys() | self.predicted.get(index, {}).keys()
            rest = tracked - entries
            return sorted(rest.difference(ids_in(self.mask(index)))) if rest else []

    def confidence(self, index: int) -> dict[int, float | None]:
        """The confidence, 0–1, of each predicted object of a frame; None if it is not known."""
        with self.lock:
            return {i: p.confidence for i, p in self.predicted.get(index, {}).items()}

    def add_object(self) -> int:
        """Add an object under the lowest free id, which is returned."""
        with self.lock:
            free = [i for i in range(1, MAX_ID + 1) if i not in self.objects]
            if not free:
                raise InputError(f"a video has at most {MAX_ID} objects; delete one first.")
            self.objects[free[0]] = new_object(free[0])
            self.save()
        return free[0]

    def change_object(self, object_id: int, **changes: str) -> None:
        """Change the `name` or `colour` of an object."""
        with self.lock:
            self._check_ids([object_id])
            self.objects[object_id] = self.objects[object_id].changed(**changes)
            self.save()

    def delete_object(self, object_id: int) -> None:
        """Delete an object and its masks in all frames; no-op if it is being deleted already."""
        with self.lock:
            self._check_ids([object_id])
            if object_id in self._deleting:
                return  # otherwise the next object with this id could be deleted, too
            self._deleting.add(object_id)
        try:
            self._delete_object(object_id)
        finally:
            with self._deleted:
                self._deleting.discard(object_id)
                self._deleted.notify_all()

    def finish_deleting(self) -> None:
        """Wait until no object is being deleted."""
        with self._deleted:
            self._deleted.wait_for(lambda: not self._deleting)

    def _delete_object(self, object_id: int) -> None:
        # Without the lock: reading every mask takes a while, and pages need masks meanwhile.
        versions = {index: self._version(index) for index in range(self.frames.count)}
        indexes = [index for index, version in versions.items() if version]
        contain = self._map_masks(indexes, lambda labels: bool((labels == object_id).any()))
        found = set(itertools.compress(indexes, contain)) | self._frames_listing(object_id)
        # The list of objects last: after a crash, deleting can be repeated.
        for index in sorted(found):  # pages get the lock in between
            versions[index] = self._erase(index, object_id)
        with self.lock:
            # Those that were written since they were searched or erased.
            written = {i for i, version in versions.items() if self._version(i) != version}
            for index in sorted(written | self._frames_listing(object_id)):
                self._erase(index, object_id)
            del self.objects[object_id]
            self.save()
            self.save_predictions()

    def _frames_listing(self, object_id: int) -> set[int]:
        """The frames in which an object is trusted or predicted, even if it is absent there."""
        with self.lock:
            tables = (self.trusted, self.predicted)
            return {i for table in tables for i, ids in table.items() if object_id in ids}

    def _erase(self, index: int, object_id: int) -> tuple[int, int] | None:
        """Remove an object from a frame; returns the version of its mask file."""
        with self.lock:
            labels, trusted = self.mask(index), set(self.trusted.get(index, {}))
            was_known = object_id in trusted or object_id in self.predicted.get(index, {})
            if object_id in trusted or (labels == object_id).any():
                labels[labels == object_id] = 0
                self.save_drawn(index, labels, trusted - {object_id})
            entries = self.predicted.get(index, {})
            entries.pop(object_id, None)
            if not entries:
                self.predicted.pop(index, None)
            # Not a mask of another command, which may say that other objects are absent.
            is_known = index in self.trusted or index in self.predicted
            if was_known and not is_known and not self.mask(index).any():
                self._forget(index)
            return self._version(index)

    def _forget(self, index: int) -> None:
        """Remove the mask file of a frame of which nothing is known any more."""
        self._path(index).unlink(missing_ok=True)
        self._drawn_first.discard(index)

    def source(self, index: int, object_id: int) -> str:
        """The identifier of a trusted mask in a `Prediction`."""
        digest = self.trusted.get(index, {}).get(object_id)
        if digest is None:  # changed since the run was planned
            raise InputError(f"frame {self.frames.name(index)} was changed; propagate again.")
        return f"{self.frames.name(index)}:{digest}"

    def save_predictions(self) -> None:
        """Write `predicted`; not needed after every frame, as lost entries are only recomputed."""
        with self.lock:
            named = {self.frames.name(i): entries for i, entries in sorted(self.predicted.items())}
            frames = {
                name: {i: dataclasses.astuple(p) for i, p in entries.items()}
                for name, entries in (named | self._other_predicted).items()
            }
            write_json(self.folder / PREDICTED_NAME, {"version": VERSION, "frames": frames})

    def save(self) -> None:
        """Write the list of objects and what is trusted."""
        with self.lock:
            trusted = {self.frames.name(i): ids for i, ids in sorted(self.trusted.items())}
            objects = {i: dataclasses.asdict(info) for i, info in sorted(self.objects.items())}
            content = {
                "version": VERSION,
                "video": self.frames.path.name,
                "objects": objects,
                "trusted": trusted | self._other_trusted,
            }
            write_json(self.folder / PROJECT_NAME, content)

    def _find_objects(self) -> None:
        """Add the objects of masks that `ytvos-segment` wrote since the project was saved."""
        project = self.folder / PROJECT_NAME
        saved = project.stat().st_mtime if project.exists() else 0.0
        # All of them: an object missed here could lose its id to one that is added.
        indexes = [
            index
            for index in range(self.frames.count)
            if (path := self._path(index)).exists() and path.stat().st_mtime >= saved
        ]
        found = self._map_masks(indexes, ids_in)
        ids = {object_id for ids in found for object_id in ids} - self.objects.keys()
        for object_id in sorted(ids):
            self.objects[object_id] = new_object(object_id)
        if indexes:
            self.save()  # these masks need not be searched again

    def _map_masks(self, indexes: Iterable[int], find: Callable[[np.ndarray], _T]) -> list[_T]:
        """Apply a function to the mask files of frames, without the trusted ones, in parallel."""
        palette = davis_palette()
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda i: find(self._read(self._path(i), palette)), indexes))

    def _version(self, index: int) -> tuple[int, int] | None:
        """Identifies the contents of a mask file, which is replaced, never changed."""
        with contextlib.suppress(FileNotFoundError):
            status = self._path(index).stat()
            return status.st_ino, status.st_mtime_ns
        return None

    def _path(self, index: int, folder: str = "") -> Path:
        return self.folder / folder / f"{self.frames.name(index)}.png"

    def _changed(self, index: int, labels: np.ndarray) -> list[int]:
        """The predicted objects of a frame whose pixels differ in a new label map."""
        if index not in self.predicted:
            return []
        stored = self.mask(index)
        return [i for i in self.predicted[index] if ((stored == i) != (labels == i)).any()]

    def _read(self, path: Path, palette: np.ndarray | None = None) -> np.ndarray:
        if not path.exists():
            return np.zeros(self.frames.size, np.uint8)
        labels = read_written_mask(path, palette)
        if labels.shape != self.frames.size:
            raise InputError(
                f"{path}: is {labels.shape[1]}×{labels.shape[0]} pixels, but the video is "
                f"{self.frames.size[1]}×{self.frames.size[0]}; give another output folder."
            )
        # Arrays from Pillow may be read-only.
        return labels.copy()

    def _check_ids(self, ids: Iterable[int]) -> None:
        if unknown := sorted(set(ids) - self.objects.keys()):
            raise InputError(f"there is no object {unknown[0]} in this project.")


def _digest(mask: np.ndarray) -> str:
    # A checksum is enough to detect changes (not attacks). Packed to an eighth of the bytes.
    return f"{zlib.crc32(np.packbits(mask).tobytes()):08x}"
