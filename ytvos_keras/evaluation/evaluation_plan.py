"""Plan an evaluation: everything that can be checked before masks are compared."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ytvos_keras.datasets.sequence_folders import check_sequence_folders, mask_files
from ytvos_keras.errors import InputError, and_more, check_choices
from ytvos_keras.evaluation.label_sources import Masks, array_sequences
from ytvos_keras.evaluation.protocols import (
    PROTOCOLS,
    SequenceWork,
    davis_2016,
    davis_2017,
    youtube_vos,
)
from ytvos_keras.evaluation.truth_sequences import (
    TruthSequence,
    array_truth,
    davis_truth,
    youtube_vos_truth,
)
from ytvos_keras.media.listing import child

Labels = str | Path | np.ndarray | Sequence[np.ndarray] | Mapping[str, np.ndarray]
"""A folder, or label maps: sequence name → (T, H, W), or those of one sequence."""

FRAMES = ("every", "listed")
_NAMED = 5  # sequences that a warning names


@dataclass(frozen=True)
class EvaluationPlan:
    """The work of one evaluation; `settings` are those of the protocol, in plain types."""

    protocol: str
    sequences: tuple[SequenceWork, ...]
    settings: dict


def plan_evaluations(
    predictions: Mapping[str, Labels],
    ground_truth: Labels,
    protocol: str,
    *,
    split: str | None = None,
    sequences: Sequence[str] | None = None,
    exclude_last: bool = False,
    frames: str | None = None,
) -> dict[str, EvaluationPlan]:
    """Find the masks to compare, and check what can be checked without reading them all.

    `predictions` are those of several methods, by name; the other arguments are those of
    `evaluate`. The ground truth is listed once, and read once where its masks define the objects'
    frames.
    """
    _check_settings(protocol, exclude_last, frames)
    from_files = _are_files(ground_truth, *predictions.values())
    truths = _truths(ground_truth, protocol, split, sequences, from_files)
    # All sequences are planned before any is scored, so that a missing mask is found at once.
    rules: dict[str, Callable[..., SequenceWork]] = {
        "davis2016": davis_2016,
        "davis2017": davis_2017,
        "youtube-vos": partial(
            youtube_vos, exclude_last=exclude_last, listed_only=frames == "listed"
        ),
    }
    is_davis = protocol != "youtube-vos"
    settings = {"split": split, "exclude_last": exclude_last or is_davis, "frames": frames}
    plans = {}
    for method, labels in predictions.items():
        predicted = _predictions(labels, truths, from_files)
        work = tuple(rules[protocol](truth, *predicted[truth.name]) for truth in truths)
        _warn_of_nothing_to_score(work)
        plans[method] = EvaluationPlan(protocol, work, settings)
    return plans


def _check_settings(protocol: str, exclude_last: bool, frames: str | None) -> None:
    choices = {"protocol": PROTOCOLS, "frames": (*FRAMES, None)}
    check_choices({"protocol": protocol, "frames": frames}, choices)
    if protocol != "youtube-vos" and (exclude_last or frames):
        raise InputError(
            f"exclude_last and frames are only for the protocol youtube-vos; {protocol} always "
            "leaves out the first and the last frame."
        )


def _are_files(*masks: Labels) -> bool:
    kinds = {isinstance(labels, str | Path) for labels in masks}
    if len(kinds) > 1:
        raise InputError("predictions and ground_truth must both be folders, or both be arrays.")
    return kinds.pop()


def _truths(
    ground_truth: Any,
    protocol: str,
    split: str | None,
    names: Sequence[str] | None,
    from_files: bool,
) -> list[TruthSequence]:
    if not from_files:
        if split is not None:
            raise InputError("split is only for folders; of arrays, give only those to score.")
        return array_truth(ground_truth, names, youtube_vos=protocol == "youtube-vos")
    root = Path(ground_truth)
    if protocol == "youtube-vos":
        return youtube_vos_truth(root, split, names)
    return davis_truth(root, int(protocol.removeprefix("davis")), split, names)


def _predictions(
    predictions: Any, truths: Sequence[TruthSequence], from_files: bool
) -> dict[str, tuple[Masks, str]]:
    """The masks of each sequence, and their name in errors."""
    names = [truth.name for truth in truths]
    if from_files:
        root = Path(predictions)
        check_sequence_folders(root, names)
        folders = {name: child(root, name) for name in names}
        return {name: (mask_files(folder), str(folder)) for name, folder in folders.items()}
    arrays = array_sequences(predictions, "predictions")
    for truth in truths:
        if truth.name not in arrays:
            raise InputError(f"predictions lack the sequence {truth.name!r} of ground_truth.")
        if len(arrays[truth.name]) != len(truth.masks):
            raise InputError(
                f"predictions[{truth.name!r}] has {len(arrays[truth.name])} frames, but "
                f"ground_truth has {len(truth.masks)}; the numbers must be equal."
            )
    return {name: (arrays[name], f"predictions[{name!r}]") for name in names}


def _warn_of_nothing_to_score(work: Sequence[SequenceWork]) -> None:
    names = []
    for sequence in work:
        scored = {object_id for frame in sequence.frames for object_id in frame.object_ids}
        idle = [object_id for object_id in sequence.categories if object_id not in scored]
        if not scored:
            names.append(sequence.name)
        else:
            names += [f"{sequence.name} object {object_id}" for object_id in idle]
    if names:
        warnings.warn(
            f"nothing to score in {', '.join(names[:_NAMED])}{and_more(names[_NAMED:])}: the "
            "protocol scores none of the frames; left out of all means.",
            stacklevel=3,
        )
