"""What a training run would take, from one step of it: `ytvos-train --dry-run`."""

import time
from collections.abc import Mapping
from pathlib import Path

import keras

from ytvos_keras.bench.measure import peak_memory
from ytvos_keras.training.build import build_model, compile_model
from ytvos_keras.training.recipe import Recipe
from ytvos_keras.training.train import stage_steps, training_clips


def dry_run(
    recipe: Recipe, data: Mapping[str, float], backbone_weights: str | Path | None = None
) -> list[str]:
    """Builds the model, makes two steps on the first batch of the longest clips, times the second.

    Args:
        recipe: of the run.
        data: as for `train`.
        backbone_weights: likewise.

    Returns:
        Lines to print.

    Raises:
        InputError: the data or the weights cannot be used.
    """
    steps = stage_steps(recipe, data)
    model = build_model(recipe, backbone_weights)
    compile_model(model, recipe, sum(steps))
    largest = max(range(len(steps)), key=lambda number: _pixels(recipe, number))
    batch = next(iter(training_clips(recipe, largest, steps[largest], data)))
    keras.tree.map_structure(float, model.train_on_batch(*batch))
    begin = time.perf_counter()
    keras.tree.map_structure(float, model.train_on_batch(*batch))
    seconds = time.perf_counter() - begin
    trainable = sum(int(v.value.shape.num_elements()) for v in model.trainable_variables)
    frames = batch[0]["frames"].shape
    memory = peak_memory()
    return [
        f"parameters     {model.count_params():,}, {trainable:,} of them trained",
        *(
            f"stage          {stage.name}: {count:,} steps of {recipe.batch_size} clips"
            for stage, count in zip(recipe.stages, steps, strict=True)
        ),
        f"one step       {seconds:.2f} s on {frames[0]} clips of {frames[1]} frames, "
        f"{frames[2]}×{frames[3]}, {recipe.precision} (clips not included)",
        f"peak memory    {memory:,.0f} MB" if memory else "peak memory    unknown",
        f"all steps      {sum(steps) * seconds * recipe.accumulate / 3600:.1f} hours, "
        "if all were like this one",
    ]


def _pixels(recipe: Recipe, number: int) -> int:
    """Pixels of the longest clip of a stage."""
    stage = recipe.stages[number]
    length = stage.clip_length if isinstance(stage.clip_length, int) else stage.clip_length[1]
    return length * stage.size[0] * stage.size[1]
