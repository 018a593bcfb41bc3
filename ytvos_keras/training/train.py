"""A whole training run: stages, checkpoints, the best model."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from ytvos_keras.data.clip_feed import count_videos
from ytvos_keras.data.config import TeacherForcing
from ytvos_keras.data.make_dataset import make_dataset
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.models import S2S
from ytvos_keras.training.build import build_model, compile_model
from ytvos_keras.training.checkpoint import (
    Progress,
    list_checkpoints,
    restore_checkpoint,
    save_checkpoint,
)
from ytvos_keras.training.keep import KeepBest, KeepProgress
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles, save_model
from ytvos_keras.training.run_json import describe_run
from ytvos_keras.training.stop_on_nan import StopOnNaN
from ytvos_keras.training.until_stable import UntilStable, is_stable

Records = Mapping[str, float]
"""Folders of records and the shares of their clips."""

_VALIDATION_CLIPS = 64

Callbacks = Callable[[Stage, RunFiles], list[keras.callbacks.Callback]]


def train(
    recipe: Recipe,
    data: Records,
    output: str | Path,
    *,
    validation: Records | None = None,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    callbacks: Callbacks | None = None,
) -> RunFiles:
    """Trains a model, or goes on training it where a run in `output` was cut off.

    Every stage is one `model.fit`. An epoch of it is `recipe.epoch_steps` steps, after which the
    model is validated and a checkpoint written. A resumed run has the losses and the weights of
    one that never stopped: on a CPU to the last bit.

    Args:
        recipe: what to do.
        data: records of training videos and pictures, from `ytvos-prepare`.
        output: folder of the run. If it holds the same run, that is continued.
        validation: records to validate on; without them the last model is the only one.
        weights: a `.keras` or `.weights.h5` file to start from in place of a random start.
        backbone_weights: pretrained weights of the backbone, see `S2S`.
        callbacks: further callbacks of each stage, such as a progress bar.

    Returns:
        Where the files of the run are.

    Raises:
        InputError: the data, the weights or the folder cannot be used, or the loss became NaN.

    Example:
        >>> files = train(PRESETS["lite"].recipe, {"records": 1.0}, "run")
    """
    files = RunFiles(Path(output))
    files.claim(describe_run(recipe, data, validation, weights, backbone_weights))
    steps = stage_steps(recipe, data)
    model = build_model(recipe, backbone_weights)
    compile_model(model, recipe, sum(steps))
    progress = _start(model, files, weights)
    for number in range(progress.stage, len(recipe.stages)):
        stage = recipe.stages[number]
        own = callbacks(stage, files) if callbacks else []
        clips = training_clips(recipe, number, steps[number], data, progress.stage_step)
        checks = validation_clips(recipe, stage, validation) if validation else None
        _fit_stage(model, recipe, number, steps[number], clips, checks, files, progress, own)
        progress.stage, progress.stage_step, progress.stable = number + 1, 0, {}
        save_checkpoint(model, progress, files.checkpoints)
    save_model(model, files.last)
    return files


def stage_steps(recipe: Recipe, data: Records) -> list[int]:
    """Optimiser steps of each stage, in whole epochs."""
    videos = count_videos(data)
    return [
        math.ceil(stage.step_count(videos, recipe.batch_size) / recipe.epoch_steps)
        * recipe.epoch_steps
        for stage in recipe.stages
    ]


def _start(model: S2S, files: RunFiles, weights: str | Path | None) -> Progress:
    """Loads the last checkpoint of the run, or else the weights to start from."""
    checkpoints = list_checkpoints(files.checkpoints)
    if checkpoints:
        return restore_checkpoint(model, checkpoints[-1])
    if weights is not None:
        load_start(model, weights)
    return Progress()


def load_start(model: S2S, weights: str | Path) -> None:
    """Loads the weights that a run starts from.

    Args:
        model: takes them over.
        weights: a `.keras` or `.weights.h5` file of the same network.

    Raises:
        InputError: the file is missing or of another network.
    """
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{weights}: not weights of this network ({first_line(error)}); give a .keras or "
            ".weights.h5 file of the same S2SConfig"
        ) from error


def _fit_stage(
    model: S2S,
    recipe: Recipe,
    number: int,
    steps: int,
    clips: tf.data.Dataset,
    validation: tf.data.Dataset | None,
    files: RunFiles,
    progress: Progress,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """One `model.fit`, from where the progress says."""
    stage = recipe.stages[number]
    own = [StopOnNaN(lambda: next(reversed(list_checkpoints(files.checkpoints)), None))]
    if validation is not None:
        own.append(KeepBest(files, progress))  # before the average leaves the model
    if recipe.average is not None:
        own.append(keras.callbacks.SwapEMAWeights())
    if stage.until_stable is not None:
        own.append(UntilStable(stage.until_stable, progress.stable))
    own.append(KeepProgress(files, progress, stage.name, recipe.epoch_steps))
    done, epochs = (count // recipe.epoch_steps for count in (progress.stage_step, steps))
    if stage.until_stable is not None and is_stable(stage.until_stable, progress.stable):
        epochs = done  # the run was stopped right after the stage's last epoch
    model.fit(
        clips,
        initial_epoch=done,
        epochs=epochs,
        steps_per_epoch=recipe.epoch_steps * recipe.accumulate,
        validation_data=validation,
        callbacks=own + callbacks,
        shuffle=False,  # the stream is
        verbose=0,
    )
    # `fit` has done so unless no epoch was left to do.
    model.optimizer.finalize_variable_values(model.trainable_variables)


def training_clips(
    recipe: Recipe, number: int, steps: int, data: Records, done: int
) -> tf.data.Dataset:
    """The batches of a stage from one of its steps on.

    Args:
        recipe: size of a batch, seed.
        number: of the stage; every stage has a stream of its own.
        steps: optimiser steps of the whole stage.
        data: where the clips are from.
        done: optimiser steps that the stage has behind it.
    """
    stage, clips = recipe.stages[number], recipe.accumulate * recipe.batch_size
    forcing = None
    if stage.teacher_forcing is not None:
        held, falling = (round(share * steps * clips) for share in stage.teacher_forcing)
        forcing = TeacherForcing(held=held, clips=falling)
    return make_dataset(
        data,
        clip_length=stage.clip_length,
        frames=stage.frames,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=recipe.seed + number,
        start=done * clips,
        teacher_forcing=forcing,
    )


def validation_clips(recipe: Recipe, stage: Stage, data: Records) -> tf.data.Dataset:
    """The same clips after every epoch: annotated frames, not augmented, no true masks fed."""
    length = stage.clip_length if isinstance(stage.clip_length, int) else stage.clip_length[1]
    clips = make_dataset(
        data,
        clip_length=length,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=0,  # of every run, so that runs can be compared
        augment=False,
        split=None,
    )
    return clips.take(math.ceil(_VALIDATION_CLIPS / recipe.batch_size))
