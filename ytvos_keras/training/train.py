"""A whole training run: stages, checkpoints, the best model."""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from ytvos_keras.training.data_errors import name_data_errors
from ytvos_keras.training.devices import Devices
from ytvos_keras.training.keep import KeepBest, KeepProgress
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles, save_model
from ytvos_keras.training.run_json import describe_run, what_matters
from ytvos_keras.training.stop_on_nan import StopOnNaN
from ytvos_keras.training.until_stable import UntilStable, is_stable
from ytvos_keras.training.watch import WatchTraining

Records = Mapping[str, float]
"""Folders of records and the shares of their clips."""

Callbacks = Callable[[Stage, RunFiles], list[keras.callbacks.Callback]]

_VALIDATION_CLIPS = 64


def train(
    recipe: Recipe,
    data: Records,
    output: str | Path,
    *,
    validation: Records | None = None,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    devices: Devices | None = None,
    callbacks: Callbacks | None = None,
) -> RunFiles:
    """Trains a model, or goes on training it where a run in `output` was cut off.

    Every stage is one `model.fit`. An epoch of it is `recipe.epoch_steps` steps, after which the
    model is validated and a checkpoint written. A resumed run has the losses and the weights of
    one that never stopped: on a CPU to the last bit.

    Args:
        recipe: what to do.
        data: records of training videos and pictures, from `ytvos-prepare`.
        output: folder of the run. If it holds the same run, that is continued. Workers of several
            machines all see it; the first of them writes it.
        validation: records to validate on; without them the last model is the only one.
        weights: a `.keras` or `.weights.h5` file to start from in place of a random start.
        backbone_weights: pretrained weights of the backbone, see `S2S`.
        devices: from `find_devices`; default: one.
        callbacks: further callbacks of each stage, such as a progress bar.

    Returns:
        Where the files of the run are.

    Raises:
        InputError: the data, the weights or the folder cannot be used, the loss became NaN, or
            another worker was lost.

    Example:
        >>> files = train(RECIPES["lite"], {"records": 1.0}, "run")
    """
    files, devices = RunFiles(Path(output)), devices or Devices()
    devices.check_batch_size(recipe.batch_size)
    description = describe_run(recipe, data, validation, weights, backbone_weights)
    with devices.watch(), name_data_errors():
        devices.check_same("the recipe or the data", what_matters(description))
        if devices.is_chief:
            files.claim(description)
        steps = stage_steps(recipe, data)
        checkpoints = list_checkpoints(files.checkpoints)
        with devices.scope():
            model = build_model(recipe, backbone_weights)
            if weights is not None and not checkpoints:
                load_start(model, weights)
            compile_model(model, recipe, sum(steps), devices)
        progress = restore_checkpoint(model, checkpoints[-1]) if checkpoints else Progress()
        devices.check_same("the step of the last checkpoint", progress.step)
        run = _Run(recipe, data, validation, devices, files, model, progress)
        for number in range(progress.stage, len(recipe.stages)):
            own = callbacks(recipe.stages[number], files) if callbacks else []
            run.fit_stage(number, steps[number], own)
        if devices.is_chief:
            save_model(model, files.last)
    return files


def stage_steps(recipe: Recipe, data: Records) -> list[int]:
    """Optimiser steps of each stage, in whole epochs."""
    videos = count_videos(data, percent=recipe.percent)
    return [
        math.ceil(stage.step_count(videos, recipe.batch_size) / recipe.epoch_steps)
        * recipe.epoch_steps
        for stage in recipe.stages
    ]


def load_start(model: S2S, weights: str | Path) -> None:
    """Loads the weights that a run starts from.

    Args:
        model: takes them over; not compiled, or it would want those of its optimiser, too.
        weights: a `.keras` or `.weights.h5` file of the same network, or a checkpoint.

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


@dataclass
class _Run:
    """What all stages share."""

    recipe: Recipe
    data: Records
    validation: Records | None
    devices: Devices
    files: RunFiles
    model: S2S
    progress: Progress

    def fit_stage(self, number: int, steps: int, callbacks: list[keras.callbacks.Callback]) -> None:
        """One `model.fit`, from where the progress says, and a checkpoint."""
        recipe, stage, progress = self.recipe, self.recipe.stages[number], self.progress
        done, epochs = (count // recipe.epoch_steps for count in (progress.stage_step, steps))
        if stage.until_stable is not None and is_stable(stage.until_stable, progress.stable):
            epochs = done  # the run was stopped right after the stage's last epoch
        self.model.fit(
            self._training_clips(number, steps),
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=recipe.epoch_steps * recipe.accumulate,
            callbacks=self._callbacks(stage) + callbacks,
            shuffle=False,  # the stream is
            verbose=0,
            **self._validation(),
        )
        # `fit` has done so unless no epoch was left to do.
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        progress.stage, progress.stage_step, progress.stable = number + 1, 0, {}
        if self.devices.is_chief:
            save_checkpoint(self.model, progress, self.files.checkpoints)

    def _training_clips(self, number: int, steps: int):
        def make(worker):
            done = self.progress.stage_step
            return training_clips(self.recipe, number, steps, self.data, done, worker)

        return self.devices.distribute(make)

    def _validation(self) -> dict:
        """Arguments of `fit`."""
        if self.validation is None:
            return {}
        batches = math.ceil(_VALIDATION_CLIPS / self.recipe.batch_size)

        def make(worker):
            return validation_clips(self.recipe, self.validation, worker).take(batches).repeat()

        return {"validation_data": self.devices.distribute(make), "validation_steps": batches}

    @functools.cached_property
    def _watch(self) -> WatchTraining:
        return WatchTraining(self.recipe, self.data, self.validation, self.files, self.progress)

    def _callbacks(self, stage: Stage) -> list[keras.callbacks.Callback]:
        """In an order that matters."""
        files, progress, chief = self.files, self.progress, self.devices.is_chief
        own = [StopOnNaN(lambda: next(reversed(list_checkpoints(files.checkpoints)), None))]
        if chief:
            own.append(self._watch)
        if self.validation is not None:  # before the average leaves the model
            own.append(KeepBest(files, progress, writes=chief))
        if self.recipe.average is not None:
            own.append(keras.callbacks.SwapEMAWeights())
        if stage.until_stable is not None:
            own.append(UntilStable(stage.until_stable, progress.stable))
        own.append(KeepProgress(files, progress, stage.name, self.recipe.epoch_steps, writes=chief))
        return own


def training_clips(
    recipe: Recipe,
    number: int,
    steps: int,
    data: Records,
    done: int = 0,
    worker: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """The batches of a stage from one of its steps on.

    Args:
        recipe: size of a batch, seed.
        number: of the stage; every stage has a stream of its own.
        steps: optimiser steps of the whole stage.
        data: where the clips are from.
        done: optimiser steps that the stage has behind it.
        worker: see `make_dataset`.
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
        worker=worker,
        augment=recipe.augment,
        teacher_forcing=forcing,
        percent=recipe.percent,
    )


def validation_clips(
    recipe: Recipe, data: Records, worker: tuple[int, int] = (0, 1)
) -> tf.data.Dataset:
    """Clips of annotated frames, not augmented, no true masks fed.

    They are alike in all runs, and in all stages those of the last one, so that the best model of
    a run is the best at what it is trained for in the end.
    """
    stage = recipe.stages[-1]
    length = stage.clip_length if isinstance(stage.clip_length, int) else stage.clip_length[1]
    return make_dataset(
        data,
        clip_length=length,
        size=stage.size,
        batch_size=recipe.batch_size,
        seed=0,  # of every run, so that runs can be compared
        worker=worker,
        augment=False,
        split=None,
    )
