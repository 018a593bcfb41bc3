"""Recipes by name; each has a file with its command, time and result."""

from ytvos_keras.training.recipes import (
    davis2016,
    finetune,
    lite,
    lite_full_size,
    lite_objects,
    lite_rough,
    lite_videos,
    mask_as_input,
    mask_as_state,
    paper,
    settings,
    small,
)

RECIPES = {
    "paper": paper.RECIPE,
    **{f"paper-{percent}": recipe for percent, recipe in paper.FRACTIONS.items()},
    "mask-as-state": mask_as_state.RECIPE,
    "mask-as-input": mask_as_input.RECIPE,
    "davis2016": davis2016.RECIPE,
    "setting-1": settings.SETTING_1,
    "setting-2": settings.SETTING_2,
    "setting-3": settings.SETTING_3,
    "finetune": finetune.RECIPE,
    "lite": lite.RECIPE,
    "lite-videos": lite_videos.RECIPE,
    "lite-objects": lite_objects.RECIPE,
    "lite-full-size": lite_full_size.RECIPE,
    "lite-rough": lite_rough.RECIPE,
    "small": small.RECIPE,
    "small-mask-as-state": small.MASK_AS_STATE,
}
"""Recipes by name, for `train` and `ytvos-train --recipe`."""
