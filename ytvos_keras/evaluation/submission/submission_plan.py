"""Required contents of a submission: sequences, frames, sizes and ids."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import natsort

from ytvos_keras.datasets.davis_layout import open_davis, read_image_set
from ytvos_keras.datasets.sequence_folders import picture_files
from ytvos_keras.datasets.youtube_vos_layout import open_youtube_vos
from ytvos_keras.datasets.youtube_vos_meta import read_meta
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.label_sources import read_truth
from ytvos_keras.media.listing import child, plain_name
from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.pictures import picture_size

PROTOCOLS = ("youtube-vos", "davis2017")
DAVIS_SPLIT = "test-dev"


@dataclass(frozen=True)
class PlannedSequence:
    """One sequence of a submission.

    Args:
        frames: names of the required frames, in order.
        ids: of the objects that masks may show, 1–254.
        size_from: an image with the size that masks must have.
    """

    frames: tuple[str, ...]
    ids: frozenset[int]
    size_from: Path

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels. Opens an image, so it is only read when needed."""
        return picture_size(self.size_from)


@dataclass(frozen=True)
class SubmissionPlan:
    """A complete submission.

    Args:
        top: the folders above those of the sequences.
        sequences: by name, in the order of the zip.
        source: where frames and ids come from, for messages.
    """

    top: tuple[str, ...]
    sequences: dict[str, PlannedSequence]
    source: str

    @property
    def masks(self) -> int:
        """The total number of masks."""
        return sum(len(sequence.frames) for sequence in self.sequences.values())

    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Every (sequence, frame, name in the zip), in order."""
        for name, sequence in self.sequences.items():
            for frame in sequence.frames:
                yield name, frame, "/".join((*self.top, name, f"{frame}.png"))


def plan_submission(
    ground_truth: str | Path, protocol: str, split: str | None = None
) -> SubmissionPlan:
    """Determine the required contents of a submission.

    YouTube-VOS: `Annotations/<video>/<frame>.png` for the videos in `meta.json`, each with the
    frames listed for any of its objects, and the objects' ids. DAVIS: `<sequence>/<frame>.png` for
    the sequences of a split, each with all of its frames, and the ids of its first mask. Masks have
    the size of the frames; if these are missing (YouTube-VOS), that of the first mask.

    Args:
        ground_truth: YouTube-VOS: the folder with `meta.json`, `Annotations/` and `JPEGImages/`;
            DAVIS: that with `ImageSets/`, `Annotations/` and `JPEGImages/`.
        protocol: `youtube-vos` or `davis2017`.
        split: DAVIS: the name of a list in `ImageSets`, `test-dev` if None; YouTube-VOS: a folder
            in `ground_truth`, which is the split itself if None.

    Raises:
        InputError: a file or folder is missing or malformed, or the protocol is unknown.
    """
    if protocol == "youtube-vos":
        return _plan_youtube_vos(Path(ground_truth), split)
    if protocol == "davis2017":
        return _plan_davis(Path(ground_truth), split or DAVIS_SPLIT)
    raise InputError(f"submissions are for {' or '.join(PROTOCOLS)}. Received: {protocol!r}")


def _plan_youtube_vos(root: Path, split: str | None) -> SubmissionPlan:
    layout = open_youtube_vos(root, split)
    sequences = {}
    for name, objects in read_meta(layout.meta).items():
        frames = natsort.natsorted({frame for item in objects.values() for frame in item.frames})
        if not frames:  # not annotated
            continue
        folders = [child(place, name) for place in (layout.frames, layout.annotations) if place]
        pictures = (file for folder in folders for file in _pictures(folder))
        size_from = next(pictures, None)
        if size_from is None:
            raise InputError(
                f"{folders[0]}: no frame or mask of this video, which meta.json lists; complete "
                "the folder, as one is needed for the size."
            )
        sequences[name] = PlannedSequence(tuple(frames), frozenset(objects), size_from)
    if not sequences:
        raise InputError(
            f"{layout.meta}: lists no frames of any video; there is nothing to submit."
        )
    return SubmissionPlan(("Annotations",), sequences, "meta.json")


def _plan_davis(root: Path, split: str) -> SubmissionPlan:
    layout = open_davis(root)
    if layout.frames is None:
        raise InputError(
            f"{root}: no JPEGImages beside Annotations; its files tell which frames need masks."
        )
    sequences = {}
    for name in read_image_set(root, 2017, split):
        frames, masks = (
            _pictures(child(place, name)) for place in (layout.frames, layout.annotations)
        )
        for found, folder in ((frames, layout.frames), (masks, layout.annotations)):
            if not found:
                raise InputError(f"{folder / name}: no images, but split {split!r} needs some.")
        names = tuple(plain_name(file.stem) for file in frames)
        # From the first mask: for test-dev, only these are public.
        ids = ids_in(read_truth(masks[0], merged=False))
        sequences[name] = PlannedSequence(names, frozenset(ids), frames[0])
    return SubmissionPlan((), sequences, "the first mask")


def _pictures(folder: Path) -> list[Path]:
    return list(picture_files(folder).values()) if folder.is_dir() else []
