"""Recipes by name; each stands in a file of its own with its command, time and result."""

from ytvos_keras.training.presets import davis2016, lite, mask_as_input, mask_as_state, paper

RECIPES = {
    "paper": paper.RECIPE,
    "davis2016": davis2016.RECIPE,
    "mask-as-state": mask_as_state.RECIPE,
    "mask-as-input": mask_as_input.RECIPE,
    "lite": lite.RECIPE,
}
