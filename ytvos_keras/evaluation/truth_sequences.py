"""The ground truth of a data set, sequence by sequence, from folders or arrays."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.davis_layout import DavisLayout, open_davis, read_image_set
from ytvos_keras.datasets.sequence_folders import check_sequence_folders, mask_files
from ytvos_keras.datasets.youtube_vos_layout import YouTubeVosLayout, has_meta, open_youtube_vos
from ytvos_keras.datasets.youtube_vos_meta import ObjectMeta, read_meta
from ytvos_keras.errors import InputError, listed
from ytvos_keras.evaluation.label_sources import Masks, array_sequences, read_truth
from ytvos_keras.media.listing import child, plain_name
from ytvos_keras.media.masks import ids_in

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TruthSequence:
    """What is known about one sequence.

    Args:
        name: of the sequence.
        masks: all masks of the ground truth.
        objects: by id, for YouTube-VOS; None for DAVIS, where the first mask defines them.
        pictures: the folder of its frames, if available.
        place: the name of the sequence in errors.
    """

    name: str
    masks: Masks
    objects: Mapping[int, ObjectMeta] | None
    pictures: Path | None
    place: str


def davis_truth(
    root: Path, year: int, split: str | None, names: Sequence[str] | None
) -> list[TruthSequence]:
    """List the sequences of a split, or all; optionally only those named."""
    layout = open_davis(root)
    # Without a split, all sequences are used: DAVIS 2017 has train and val in the same folder.
    available = read_image_set(root, year, split) if split else layout.sequences()
    return _sequences(layout, _chosen(names, available, split or root))


def youtube_vos_truth(
    root: Path, split: str | None, names: Sequence[str] | None
) -> list[TruthSequence]:
    """List the videos of `meta.json`; optionally only those named.

    Without a `meta.json` (as in the user's own data), every object counts in all frames with a
    mask, from the one in which it first appears.
    """
    if not has_meta(root, split):
        return _own_truth(root / split if split else root, names)
    layout = open_youtube_vos(root, split)
    meta = read_meta(layout.meta)
    sequences = _sequences(layout, _chosen(names, list(meta), layout.meta))
    return [replace(found, objects=meta[found.name]) for found in sequences]


def _own_truth(root: Path, names: Sequence[str] | None) -> list[TruthSequence]:
    layout = open_davis(root)
    available = layout.sequences()
    logger.info(
        "%s: no meta.json, so each object counts from the mask in which it first appears", root
    )
    sequences = _sequences(layout, _chosen(names, available, root))
    return [replace(found, objects=_appearances(found.masks)) for found in sequences]


def array_truth(
    arrays: np.ndarray | Mapping[str, np.ndarray], names: Sequence[str] | None, *, youtube_vos: bool
) -> list[TruthSequence]:
    """Sequences from label maps; an object of YouTube-VOS begins where it first appears."""
    sequences = array_sequences(arrays, "ground_truth")
    names = _chosen(names, list(sequences), "ground_truth")
    return [
        TruthSequence(
            name=name,
            masks=sequences[name],
            objects=_appearances(sequences[name]) if youtube_vos else None,
            pictures=None,
            place=f"ground_truth[{name!r}]",
        )
        for name in names
    ]


def _sequences(layout: DavisLayout | YouTubeVosLayout, names: Sequence[str]) -> list[TruthSequence]:
    """The masks and images of sequences, without `objects`."""
    check_sequence_folders(layout.annotations, names)
    sequences = []
    for name in names:
        folder = child(layout.annotations, name)
        frames = child(layout.frames, name) if layout.frames else None
        pictures = frames if frames and frames.is_dir() else None
        sequences.append(TruthSequence(name, mask_files(folder), None, pictures, str(folder)))
    return sequences


def _chosen(names: Sequence[str] | None, available: Sequence[str], place: object) -> Sequence[str]:
    if names is None:
        names = available
    else:
        alike = {plain_name(name): name for name in available}
        unknown = [name for name in names if plain_name(name) not in alike]
        if unknown:
            known = listed(available, 5)
            raise InputError(f"no sequence {unknown[0]!r} in {place}; available: {known}.")
        names = [alike[plain_name(name)] for name in names]
    if not names:
        raise InputError(f"{place}: no sequence to score.")
    # A name that is given twice must not count twice in the means.
    return list(dict.fromkeys(names))


def _appearances(masks: Masks) -> dict[int, ObjectMeta]:
    begins: dict[int, int] = {}
    for t, source in enumerate(masks.values()):
        for object_id in ids_in(read_truth(source, merged=False)):
            begins.setdefault(object_id, t)
    frames = tuple(masks)
    return {i: ObjectMeta(None, frames[begin:]) for i, begin in sorted(begins.items())}
