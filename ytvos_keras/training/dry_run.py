"""Estimate the cost of a training run: `ytvos-train --dry-run`."""

import dataclasses
import time

import keras

from ytvos_keras.data.clip_feed import Data
from ytvos_keras.processes import peak_memory
from ytvos_keras.training.build import build_model, compile_model
from ytvos_keras.training.clips import split_data, training_clips, warn_of_unsuitable_videos
from ytvos_keras.training.data_errors import name_data_errors
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.start import complete_recipe, frozen_parts
from ytvos_keras.training.train import stage_steps


def dry_run(recipe: Recipe, data: Data, *, validation: Data | None = None) -> list[str]:
    """Describe a run of `train` in lines to print, and time a training step on its longest clips.

    The model is built without pretrained weights, so that nothing is downloaded.
    """
    recipe = complete_recipe(recipe)
    run_data = split_data(data, validation, recipe.min_object)
    warn_of_unsuitable_videos(recipe, run_data)
    videos = run_data.count_videos(recipe)
    steps = stage_steps(recipe, videos)
    model = build_model(recipe, pretrained=False)
    compile_model(model, recipe, sum(steps))
    # Memory and time of a step peak in the stage with the most pixels per clip.
    largest = max(range(len(steps)), key=lambda number: _pixels(recipe.stages[number]))
    stages = list(recipe.stages)
    stages[largest] = dataclasses.replace(stages[largest], clip_length=stages[largest].longest_clip)
    longest = dataclasses.replace(recipe, stages=tuple(stages))
    with name_data_errors():
        batch = next(iter(training_clips(longest, largest, steps[largest], run_data)))
    # The first step traces the graph and is not timed; `float` waits for the result.
    keras.tree.map_structure(float, model.train_on_batch(*batch))
    begin = time.perf_counter()
    keras.tree.map_structure(float, model.train_on_batch(*batch))
    seconds = time.perf_counter() - begin
    trainable = sum(int(v.value.shape.num_elements()) for v in model.trainable_variables)
    frames = batch[0]["frames"].shape
    memory = peak_memory()  # of the process so far, including the training steps
    return [
        f"parameters     {model.count_params():,}, {trainable:,} of them trained",
        f"starts from    {_start(recipe)}",
        f"not trained    {_not_trained(recipe)}",
        f"one pass       one clip from each of {videos:,} videos and images",
        *(
            f"stage          {_describe(stage, count, recipe.clips_per_step / videos)}"
            for stage, count in zip(recipe.stages, steps, strict=True)
        ),
        f"one step       {seconds * recipe.accumulate:.2f} s with {recipe.clips_per_step} clips of "
        f"{frames[1]} frames, {frames[2]}×{frames[3]}, {recipe.precision} (on one device, without "
        "reading)",
        f"peak memory    {memory:,.0f} MB of main memory" if memory else "peak memory    unknown",
        f"all steps      {_duration(sum(steps) * seconds * recipe.accumulate)} if every step takes "
        "as long, without start-up and validation",
    ]


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"


def _not_trained(recipe: Recipe) -> str:
    parts = ", ".join(frozen_parts(recipe)) or "nothing"
    if (stride := recipe.train_backbone_from) is not None:
        parts += f" (trained from stride {stride} on)"
    return parts


def _start(recipe: Recipe) -> str:
    if recipe.weights is not None:
        return recipe.weights
    backbone = recipe.backbone_weights
    return f"random weights, but {backbone} for the backbones" if backbone else "random weights"


def _describe(stage: Stage, steps: int, passes_per_step: float) -> str:
    end = "" if stage.until_stable is None else ", fewer if the loss becomes stable earlier"
    shortest = stage.clip_length if isinstance(stage.clip_length, int) else stage.clip_length[0]
    length = f"{shortest} to " * (shortest < stage.longest_clip) + str(stage.longest_clip)
    frames = "frames" if stage.frames == "any" else "annotated frames"
    return (
        f"{stage.name}: {steps:,} steps, {steps * passes_per_step:.1f} passes{end}; "
        f"clips of {length} {frames}"
    )


def _pixels(stage: Stage) -> int:
    """Pixels of the longest clip of a stage."""
    return stage.longest_clip * stage.size[0] * stage.size[1]
