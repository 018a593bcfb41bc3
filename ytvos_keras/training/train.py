"""Train a model: stages, checkpoints, the best model."""

import contextlib
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from ytvos_keras.data.clip_feed import Data
from ytvos_keras.media.folder_lock import folder_lock
from ytvos_keras.models import S2S
from ytvos_keras.training.build import build_model, compile_model
from ytvos_keras.training.callbacks import (
    SaveBestModel,
    SaveProgress,
    StopOnNaN,
    StopWhenStable,
    is_stable,
)
from ytvos_keras.training.checkpoint import (
    Progress,
    list_checkpoints,
    restore_checkpoint,
    save_checkpoint,
)
from ytvos_keras.training.clips import (
    RunData,
    split_data,
    training_clips,
    validation_clips,
    warn_of_unsuitable_videos,
)
from ytvos_keras.training.data_errors import name_data_errors
from ytvos_keras.training.devices import Devices
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.run_files import RunFiles, save_model
from ytvos_keras.training.run_json import describe_run, what_matters
from ytvos_keras.training.start import complete_recipe
from ytvos_keras.training.tensorboard_log import LogToTensorBoard

Callbacks = Callable[[Stage, Progress], list[keras.callbacks.Callback]]

_VALIDATION_CLIPS = 64


def train(
    recipe: Recipe,
    data: Data,
    output: str | Path,
    *,
    validation: Data | None = None,
    devices: Devices | None = None,
    callbacks: Callbacks | None = None,
) -> RunFiles:
    """Train a model, or resume the run in `output`.

    Every stage is one `model.fit`, whose epochs have `recipe.checkpoint_steps` steps; after each,
    the model is validated and a checkpoint written. A resumed run has the same losses and weights
    as an uninterrupted one, bit-exactly on a CPU.

    Args:
        recipe: configuration of the run.
        data: folder of training records, from `ytvos-prepare`; several folders, all videos equally
            likely; or folders with their shares of the clips. See `make_dataset`.
        output: folder of the run. If it contains the same run, that run is resumed. With workers on
            several machines, all must see it; only the first one writes to it.
        validation: records to validate on; without them there is no best model, only the last one.
            Videos with the name and the first frame of a training video are skipped; if both are
            the same records, a tenth of the videos is held out from training.
        devices: from `find_devices`; default: one device.
        callbacks: called at the start of each stage; returns additional callbacks for it, such as a
            progress bar.

    Returns:
        Paths of the files of the run.

    Raises:
        InputError: the data, the weights or the folder cannot be used, the loss became NaN, or
            another worker was lost.

    Example:
        >>> files = train(RECIPES["paper"], "records", "runs/paper")
    """
    files, devices = RunFiles(Path(output)), devices or Devices()
    devices.check_batch_size(recipe.batch_size)
    recipe = complete_recipe(recipe)
    description = describe_run(recipe, data, validation)
    files.folder.mkdir(parents=True, exist_ok=True)
    # Only the chief writes; a lock for every worker would keep all but one out.
    alone = folder_lock(files.folder) if devices.is_chief else contextlib.nullcontext()
    with devices.report_lost_workers(), name_data_errors(), alone:
        devices.check_same("the recipe or the data", what_matters(description))
        if devices.is_chief:
            files.check(description)
        run_data = split_data(data, validation, recipe.min_object)
        warn_of_unsuitable_videos(recipe, run_data)
        videos = run_data.count_videos(recipe)
        steps = stage_steps(recipe, videos)
        # Compiled in the scope too: metrics and optimizer variables are mirrored like the weights.
        with devices.scope():
            model = build_model(recipe)
            compile_model(model, recipe, sum(steps), devices)
        checkpoints = list_checkpoints(files.checkpoints)
        progress = restore_checkpoint(model, checkpoints[-1]) if checkpoints else Progress()
        # A worker that does not see the folder would start at step 0.
        devices.check_same("the step of the last checkpoint", progress.step)
        run = _Run(recipe, run_data, devices, files, description, model, progress, videos)
        for number in range(progress.stage, len(recipe.stages)):
            # Steps left over from earlier stages are added to this one.
            progress.stage_steps = sum(steps[: number + 1]) - (progress.step - progress.stage_step)
            run.fit_stage(callbacks)
        if devices.is_chief:
            save_model(model, files.last)
    return files


def stage_steps(recipe: Recipe, videos: int) -> list[int]:
    """Return the optimizer steps of each stage if none ends early; one pass has `videos` clips."""
    return [stage.step_count(videos, recipe.clips_per_step) for stage in recipe.stages]


@dataclass
class _Run:
    """State shared by all stages."""

    recipe: Recipe
    data: RunData
    devices: Devices
    files: RunFiles
    description: dict
    model: S2S
    progress: Progress
    videos: int

    def fit_stage(self, callbacks: Callbacks | None) -> None:
        """Train the current stage from its progress to its end, and write a checkpoint."""
        recipe, progress = self.recipe, self.progress
        stage = recipe.stages[progress.stage]
        every = recipe.checkpoint_steps
        # A Keras epoch lasts from checkpoint to checkpoint; the last one of a stage may be shorter.
        done, epochs = (
            math.ceil(steps / every) for steps in (progress.stage_step, progress.stage_steps)
        )
        if stage.until_stable is not None and is_stable(stage.until_stable, progress.stable):
            epochs = done  # it was interrupted right at the end of the stage
        # Fails if a folder has no usable video.
        clips, validation = self._training_clips(), self._validation
        # Only now: a worker with a different command, or a mistyped argument, which fails above,
        # must not leave a run.json.
        if self.devices.is_chief:
            self.files.claim(self.description)
        further = callbacks(stage, progress) if callbacks else []
        # A new one: TensorFlow would relax the shapes of a function that sees clips of another
        # size, and the loss and the recurrence need static ones.
        self.model.train_function = None
        self.model.fit(
            clips,
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=every * recipe.accumulate,  # Keras counts batches
            callbacks=self._callbacks(stage) + further,
            shuffle=False,  # the stream is already shuffled
            verbose=0,
            **validation,
        )
        # Replaces the checkpoint of the last step: now weights are averaged and the stage is done.
        progress.stage, progress.stage_step, progress.stable = progress.stage + 1, 0, {}
        if self.devices.is_chief:
            save_checkpoint(self.model, progress, self.files.checkpoints)

    def _training_clips(self):
        progress = self.progress

        def make(worker):
            return training_clips(
                self.recipe,
                progress.stage,
                progress.stage_steps,
                self.data,
                done=progress.stage_step,
                worker=worker,
            )

        return self.devices.distribute(make)

    @functools.cached_property  # the clips are the same in all stages, and tracing takes seconds
    def _validation(self) -> dict:
        """Arguments of `fit`."""
        if self.data.validation is None:
            return {}
        batches = math.ceil(_VALIDATION_CLIPS / self.recipe.batch_size)

        def make(worker):
            return validation_clips(self.recipe, self.data, worker).take(batches).repeat()

        # Endless, as `distribute` requires; `validation_steps` ends it.
        return {"validation_data": self.devices.distribute(make), "validation_steps": batches}

    @functools.cached_property
    def _tensorboard(self) -> LogToTensorBoard:
        return LogToTensorBoard(self.recipe, self.data, self.files, self.progress)

    def _callbacks(self, stage: Stage) -> list[keras.callbacks.Callback]:
        """The callbacks of a stage; their order matters."""
        recipe, files, progress = self.recipe, self.files, self.progress
        chief = self.devices.is_chief
        own = [StopOnNaN(recipe, files, progress)]
        if chief:
            # One object for all stages: it keeps the clips that it draws.
            own.append(self._tensorboard)
        if self.data.validation is not None:  # before the averaged weights are swapped out
            own.append(SaveBestModel(files, progress, writes=chief))
        if recipe.average is not None:
            own.append(keras.callbacks.SwapEMAWeights())
        if stage.until_stable is not None:
            passes = recipe.clips_per_step / self.videos  # in one step
            own.append(
                StopWhenStable(stage.until_stable, progress, recipe.checkpoint_steps, passes)
            )
        own.append(SaveProgress(files, progress, recipe, writes=chief))
        return own
