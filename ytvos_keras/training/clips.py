"""The clips that a run trains and validates on."""

from collections.abc import Mapping

import tensorflow as tf

from ytvos_keras.data.config import TeacherForcing
from ytvos_keras.data.make_dataset import make_dataset
from ytvos_keras.training.recipe import Recipe

Records = Mapping[str, float]
"""Folders of records and their shares of the clips."""


def training_clips(
    recipe: Recipe,
    number: int,
    steps: int,
    data: Records,
    done: int = 0,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Returns the batches of a stage, starting at any of its steps.

    Args:
        recipe: of the run.
        number: of the stage; every stage has its own stream of clips.
        steps: optimizer steps of the whole stage.
        data: where the clips are from.
        done: optimizer steps of the stage to skip.
        worker: see `make_dataset`.
    """
    stage, clips = recipe.stages[number], recipe.clips_per_step
    forcing = None
    if stage.teacher_forcing is not None:
        held, falling = (round(share * steps * clips) for share in stage.teacher_forcing)
        forcing = TeacherForcing(held=held, clips=falling, corruption=stage.corruption)
    return make_dataset(
        data,
        clip_length=stage.clip_length,
        frames=stage.frames,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=recipe.seed + number,
        start=done * clips,
        worker=worker,
        augment=recipe.augment,
        teacher_forcing=forcing,
        percent=recipe.percent,
        min_object=recipe.min_object,
        max_step=recipe.max_step,
    )


def validation_clips(
    recipe: Recipe, data: Records, worker: tuple[int, int] = (0, 1)
) -> tf.data.Dataset:
    """Returns clips of annotated frames, not augmented, without teacher forcing.

    They are the same in all runs, and in all stages they have the length and size of the last
    stage, so that the best model of a run is the best at what it is trained for in the end.
    """
    stage = recipe.stages[-1]
    return make_dataset(
        data,
        clip_length=stage.longest_clip,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=0,  # in every run, so that runs can be compared
        worker=worker,
        augment=False,
        split=None,
    )
