"""The rules of the benchmarks: which objects count, and in which frames.

Every scored frame needs a prediction; those of other frames are ignored. `place` is the name of the
predictions in errors.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.youtube_vos_meta import ObjectMeta
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.evaluation.frame_work import FrameWork
from ytvos_keras.evaluation.label_sources import Masks, read_prediction, read_truth
from ytvos_keras.evaluation.truth_sequences import TruthSequence
from ytvos_keras.media.masks import ids_in

PROTOCOLS = ("davis2016", "davis2017", "youtube-vos")


@dataclass(frozen=True)
class SequenceWork:
    """What to score in one sequence.

    Args:
        name: of the sequence.
        categories: of all its objects, by id; None where the data set names none.
        frames: the frames to score, in order.
        truth: all true masks of the sequence.
        predictions: all predicted masks of the sequence.
        pictures: the folder of its frames, if available.
    """

    name: str
    categories: Mapping[int, str | None]
    frames: tuple[FrameWork, ...]
    truth: Masks
    predictions: Masks
    pictures: Path | None


def davis_2016(truth: TruthSequence, predictions: Masks, place: str) -> SequenceWork:
    """DAVIS 2016: every nonzero pixel is one object; first and last frame are not scored."""
    return _davis(truth, predictions, place, (1,), merged=True)


def davis_2017(truth: TruthSequence, predictions: Masks, place: str) -> SequenceWork:
    """DAVIS 2017: the objects of the first true mask; first and last frame are not scored.

    The official code uses the ids from 1 to the largest in the first mask, which is the same if
    there are no gaps. 255 in the ground truth is background, and so are objects that appear later.
    """
    _check_has_masks(truth)
    first = next(iter(truth.masks.values()))
    # Objects that appear later were not given to the method, so it is not expected to find them.
    object_ids = tuple(ids_in(read_truth(first, merged=False)))
    if not object_ids:
        raise InputError(
            f"{first}: no object in the first mask, so nothing to score; for masks of 0 and 255, "
            "use the protocol davis2016 (255 is void in the others)."
        )
    return _davis(truth, predictions, place, object_ids, merged=False)


def youtube_vos(
    truth: TruthSequence,
    predictions: Masks,
    place: str,
    *,
    exclude_last: bool,
    listed_only: bool,
) -> SequenceWork:
    """YouTube-VOS: each object in the frames listed in `meta.json`, except its first.

    An object may be absent from a listed frame: the truth is empty there, and J and F are 1 for an
    empty prediction, else 0. Therefore an object that is absent from its first frame causes a
    warning. Predictions of an object in other frames are ignored, but with `listed_only`, if the
    method was given only the frames that are listed or have a true mask, masks of others are an
    error.
    """
    objects = truth.objects or {}
    _check_not_binary(truth, objects)
    if listed_only:
        _check_listed(objects, truth.masks, predictions)
    scored: dict[str, list[int]] = {}
    for object_id, meta in objects.items():
        # The first listed frame of an object is the one in which its mask is given.
        for frame in meta.frames[1 : -1 if exclude_last else None]:
            scored.setdefault(frame, []).append(object_id)
    missing = [frame for frame in scored if frame not in truth.masks]
    if missing:
        firsts = {meta.frames[0] for meta in objects.values() if meta.frames}
        remedy = (
            "add the mask, or remove the frame from meta.json"
            if truth.masks.keys() - firsts
            else "the public valid and test sets have only first masks: score on sequences of the "
            "train set that the model was not trained on"
        )
        raise InputError(
            f"{Path(truth.place, min(missing))}.png: no such file{and_more(missing[1:])}, so no "
            f"ground truth to score against; {remedy}."
        )
    _warn_of_absent(truth, objects, {i for ids in scored.values() for i in ids})
    # In order of time; `scored` is in the order of objects, which begin at different frames.
    ordered = {frame: tuple(scored[frame]) for frame in truth.masks if frame in scored}
    categories = {object_id: meta.category for object_id, meta in objects.items()}
    return _work(truth, predictions, place, categories, ordered, merged=False)


def _check_not_binary(truth: TruthSequence, objects: Mapping[int, ObjectMeta]) -> None:
    """Raise an `InputError` if 255 stands for the object, which would be empty as void."""
    begins = [meta.frames[0] for meta in objects.values() if meta.frames][:1]
    # Without known objects, any mask may be the first to show one.
    for frame in begins or truth.masks:
        mask = truth.masks.get(frame)
        # A predicted mask of 0 and 255 is read as object 1.
        if (
            mask is not None
            and not ids_in(read_truth(mask, merged=False))
            and ids_in(read_prediction(mask, merged=False))
        ):
            raise InputError(
                f"{mask}: contains only 0 and 255, and 255 is void in this protocol, so there is "
                "nothing to score; save the object as 1, or use the protocol davis2016."
            )


def _warn_of_absent(
    truth: TruthSequence, objects: Mapping[int, ObjectMeta], scored: set[int]
) -> None:
    """Warn of scored objects that are not in the first of their frames."""
    firsts = {i: meta.frames[0] for i, meta in objects.items() if i in scored}
    masks = {frame: truth.masks[frame] for frame in firsts.values() if frame in truth.masks}
    ids = {frame: ids_in(read_truth(mask, merged=False)) for frame, mask in masks.items()}
    for object_id, frame in firsts.items():
        if frame in ids and object_id not in ids[frame]:
            warnings.warn(
                f"{masks[frame]}: object {object_id} of meta.json is not in its first mask; empty "
                "predictions of it score 1.",
                stacklevel=5,
            )


def _davis(
    truth: TruthSequence,
    predictions: Masks,
    place: str,
    object_ids: tuple[int, ...],
    *,
    merged: bool,
) -> SequenceWork:
    _check_has_masks(truth)
    # The first mask is given; leaving out the last one, too, is a rule of DAVIS.
    scored = dict.fromkeys(list(truth.masks)[1:-1], object_ids)
    return _work(truth, predictions, place, dict.fromkeys(object_ids), scored, merged=merged)


def _work(
    truth: TruthSequence,
    predictions: Masks,
    place: str,
    categories: Mapping[int, str | None],
    scored: Mapping[str, tuple[int, ...]],
    *,
    merged: bool,
) -> SequenceWork:
    missing = [frame for frame in scored if frame not in predictions]
    if missing:
        raise InputError(
            f"{place}: no mask of frame {missing[0]}{and_more(missing[1:])}; every scored frame "
            "needs a PNG with its name, even if no object is visible (all 0)."
        )
    # All objects, not just those of the frame: predicting one too early is not an error.
    known = frozenset(categories)
    frames = tuple(
        FrameWork(frame, predictions[frame], truth.masks[frame], object_ids, known, merged)
        for frame, object_ids in scored.items()
    )
    return SequenceWork(truth.name, categories, frames, truth.masks, predictions, truth.pictures)


def _check_has_masks(truth: TruthSequence) -> None:
    if not truth.masks:
        raise InputError(f"{truth.place}: no masks (PNG) in this folder.")


def _check_listed(
    objects: Mapping[int, ObjectMeta], truth_masks: Masks, predictions: Masks
) -> None:
    listed = {frame for meta in objects.values() for frame in meta.frames} | truth_masks.keys()
    others = [frame for frame in predictions if frame not in listed]
    if others:
        raise InputError(
            f"{predictions[others[0]]}: neither meta.json nor the ground truth has this frame"
            f"{and_more(others[1:])}, so the method was not given only the listed frames; "
            "use `every` if it was given all of them."
        )
