"""Training and validation clips of a run."""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass

import tensorflow as tf

from ytvos_keras.data.augmentation import TeacherForcing
from ytvos_keras.data.clip_feed import Data, count_videos, sources
from ytvos_keras.data.make_dataset import make_dataset
from ytvos_keras.data.record_store import open_records
from ytvos_keras.data.sampling import (
    MIN_OBJECT,
    first_frames,
    is_picture,
    warn_if_all_annotated,
)
from ytvos_keras.datasets.split_files import training_fraction
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.records.indexed_video import IndexedVideo
from ytvos_keras.training.recipe import Recipe

_NAMED = 20  # held-out videos that the log names
VALIDATION_SPLITS = ("validation", "val")  # or all splits of records that have neither
_HELD_OUT = 10  # percent of the videos, if training and validation records are the same

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunData:
    """Training and validation data of a run.

    Args:
        training: folders of records and their shares of the clips; their split "train" is used.
        validation: folders of records, or None. Their splits "validation" or "val" are used, or all
            of a folder that has neither.
        not_trained: names of videos excluded from training.
        not_validated: names of videos excluded from validation.
    """

    training: Data
    validation: Data | None = None
    not_trained: frozenset[str] = frozenset()
    not_validated: frozenset[str] = frozenset()

    def count_videos(self, recipe: Recipe) -> int:
        """Count the videos and images of one pass over the training data."""
        return count_videos(
            self.training,
            exclude=self.not_trained,
            percent=recipe.percent,
            min_object=recipe.min_object,
        )


def split_data(data: Data, validation: Data | None, min_object: float = MIN_OBJECT) -> RunData:
    """Make sure that no video is used for both training and validation.

    Of records with a split "validation" or "val", only that split is used for validation. Videos
    with the name and the first frame of a training video are excluded from validation. If
    none remain, because both are the same records, a tenth of them is held out from training,
    chosen by name among those with an object of `min_object`, see `make_dataset`. Clips that
    `ytvos-prepare videos` cut from one video (dog_01, dog_02) stay together.
    """
    if validation is None:
        return RunData(data)
    training, validated = _videos(data, "train"), _videos(validation, VALIDATION_SPLITS)
    names = frozenset(video.name for video in validated)
    # The same video may be in two folders of records, and so may two that are only named alike.
    common = frozenset(name for name, _ in _identities(training) & _identities(validated))
    if common != names:
        _report_common(training, names, common)
        run_data = RunData(data, validation, not_validated=common)
    else:
        usable = _usable_names(validated, min_object)
        if not usable or len(_usable_names(training, min_object)) < 2:
            raise InputError(
                f"{sources(validation)[0][0]}: contains no usable video that training can spare; "
                "give other records to validate on, or none"
            )
        # Depends on names, not on a seed, so that all runs are validated on the same videos.
        held_out = _hold_out(usable)
        logger.info("validation: held out from training: %s", _listed(held_out))
        run_data = RunData(data, validation, not_trained=held_out, not_validated=names - held_out)
    if all(is_picture(video) for video in validated if video.name not in run_data.not_validated):
        logger.warning(
            "validation: there are only images, which stand still: J only says how well a mask is "
            "copied; use last.keras, not best.keras"
        )
    return run_data


def warn_of_unsuitable_videos(recipe: Recipe, data: RunData) -> None:
    """Warn if the training videos do not suit the stages of the recipe.

    A stage for frames without annotation may find none. If most videos are portrait and clips are
    not, or vice versa, clips show a small part of each video, or all of it distorted.
    """
    videos = _videos(data.training, "train", data.not_trained)
    if any(stage.frames == "any" for stage in recipe.stages):
        warn_if_all_annotated(videos)
    videos = [video for video in videos if not is_picture(video)]
    height, width = recipe.stages[-1].size
    turned = sum((video.height - video.width) * (height - width) < 0 for video in videos)
    if 2 * turned > len(videos):
        logger.warning(
            "%d of %d training videos are %s, but clips are %dx%d; use --size %dx%d",
            *(turned, len(videos), "portrait" if height < width else "landscape"),
            *(height, width, width, height),
        )


def _report_common(
    training: list[IndexedVideo], names: frozenset[str], common: frozenset[str]
) -> None:
    """Log which of the validation videos with the name of a training video are left out."""
    if common:
        logger.info(
            "validation: left out, because they are used for training: %d of %d videos",
            *(len(common), len(names)),
        )
    if alike := names & ({video.name for video in training} - common):
        logger.warning(
            "validation: named like a training video, but kept, because the first frame differs: "
            "%s",
            _listed(alike),
        )


def _listed(names: frozenset[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:_NAMED]) + and_more(ordered[_NAMED:])


def _hold_out(names: frozenset[str]) -> frozenset[str]:
    clips: dict[str, list[str]] = defaultdict(list)  # by raw video
    for name in names:
        clips[re.sub(r"_\d{2,3}$", "", name)].append(name)
    chosen = training_fraction(clips, _HELD_OUT)
    held_out = frozenset(name for video in chosen for name in clips[video])
    if 2 * len(held_out) <= len(names):
        return held_out
    # All or most of them: one raw video, or videos that are only named alike (video_01, video_02).
    return frozenset(training_fraction(names, _HELD_OUT))


def _videos(
    data: Data, split: str | tuple[str, ...], exclude: frozenset[str] = frozenset()
) -> list[IndexedVideo]:
    found = open_records(sources(data)[0], split=split, exclude=exclude)
    return [video for videos in found for video in videos]


def _identities(videos: list[IndexedVideo]) -> set[tuple[str, int]]:
    """Name and checksum of the first frame of each video."""
    return {(video.name, video.images[0].crc32) for video in videos}


def _usable_names(videos: list[IndexedVideo], min_object: float) -> frozenset[str]:
    return frozenset(video.name for video in videos if first_frames(video, min_object))


def training_clips(
    recipe: Recipe,
    number: int,
    steps: int,
    data: RunData,
    done: int = 0,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Return the batches of stage `number`, which has its own stream of clips.

    The whole stage has `steps` optimizer steps, of which `done` are skipped, for resuming; for
    `worker` see `make_dataset`.
    """
    stage, clips = recipe.stages[number], recipe.clips_per_step
    forcing = None
    if stage.teacher_forcing is not None:
        # In clips, because an example only knows its clip number, not the step.
        held, falling = (round(share * steps * clips) for share in stage.teacher_forcing)
        forcing = TeacherForcing(held=held, clips=falling, corruption=stage.corruption)
    return make_dataset(
        data.training,
        exclude=data.not_trained,
        clip_length=stage.clip_length,
        frames=stage.frames,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=recipe.seed + number,  # different clips from those of earlier stages
        start=done * clips,
        worker=worker,
        augment=recipe.augment,
        teacher_forcing=forcing,
        percent=recipe.percent,
        min_object=recipe.min_object,
        max_step=recipe.max_step,
        objects=recipe.objects,
        rough_masks=recipe.rough_masks,
    )


def validation_clips(
    recipe: Recipe, data: RunData, worker: tuple[int, int] = (0, 1)
) -> tf.data.Dataset:
    """Return clips of annotated frames, not augmented, without teacher forcing.

    They have the length and size of the last stage, so that the best model is selected for the
    final task. They are the same in all stages, and in all runs with the same last stage,
    `min_object`, `objects`, `rough_masks` and `batch_size`.
    """
    stage = recipe.stages[-1]
    assert data.validation is not None  # the caller has checked
    return make_dataset(
        data.validation,
        exclude=data.not_validated,
        # One length, so that J of different checkpoints is comparable.
        clip_length=stage.longest_clip,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=0,  # the same in every run, for comparability
        worker=worker,
        augment=False,
        min_object=recipe.min_object,
        objects=recipe.objects,
        rough_masks=recipe.rough_masks,
        split=VALIDATION_SPLITS,
    )
