"""Training and validation clips of a run."""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass

import tensorflow as tf

from ytvos_keras.data.clip_feed import Data, count_videos, sources
from ytvos_keras.data.config import TeacherForcing
from ytvos_keras.data.make_dataset import make_dataset
from ytvos_keras.data.record_store import open_records
from ytvos_keras.datasets.split_files import training_fraction
from ytvos_keras.errors import InputError, and_more
from ytvos_keras.training.recipe import Recipe

_NAMED = 20  # held-out videos that the log names
_HELD_OUT = 10  # percent of the videos, if training and validation records are the same

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunData:
    """Training and validation data of a run.

    Args:
        training: folders of records and their shares of the clips; their split "train" is used.
        validation: folders of records, with all their splits, or None.
        not_trained: names of videos excluded from training.
        not_validated: names of videos excluded from validation.
    """

    training: Data
    validation: Data | None = None
    not_trained: frozenset[str] = frozenset()
    not_validated: frozenset[str] = frozenset()

    def count_videos(self, recipe: Recipe) -> int:
        """Count the videos and pictures of one pass over the training data."""
        return count_videos(
            self.training,
            exclude=self.not_trained,
            percent=recipe.percent,
            min_object=recipe.min_object,
        )


def split_data(data: Data, validation: Data | None) -> RunData:
    """Make sure that no video is used for both training and validation.

    Videos with the name of a training video are excluded from validation. If none remain, because
    both are the same records, a tenth of them is held out from training, chosen by name. Clips that
    `ytvos-prepare videos` cut from one video (dog_01, dog_02) stay together.
    """
    if validation is None:
        return RunData(data)
    training = _names(data, "train")
    names = _names(validation, None)
    # By name alone: the same video may be in two folders of records.
    common = training & names
    if common != names:
        return RunData(data, validation, not_validated=frozenset(common))
    if len(training) < 2:
        raise InputError(
            f"{sources(validation)[0][0]}: its only video is used for training; give other "
            "records to validate on, or none"
        )
    # The choice depends on names, not on a seed, so that all runs are validated on the same videos.
    held_out = _hold_out(names)
    names_held_out = sorted(held_out)
    logger.info(
        "validation: held out from training: %s%s",
        ", ".join(names_held_out[:_NAMED]),
        and_more(names_held_out[_NAMED:]),
    )
    return RunData(data, validation, not_trained=held_out, not_validated=names - held_out)


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


def _names(data: Data, split: str | None) -> frozenset[str]:
    found = open_records(sources(data)[0], split=split)
    return frozenset(video.name for videos in found for video in videos)


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
    )


def validation_clips(
    recipe: Recipe, data: RunData, worker: tuple[int, int] = (0, 1)
) -> tf.data.Dataset:
    """Return clips of annotated frames, not augmented, without teacher forcing.

    They are the same in all runs and stages, with the length and size of the last stage, so that
    the best model is selected for the final task.
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
        objects=recipe.objects,
        split=None,
    )
