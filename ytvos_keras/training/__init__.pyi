from .presets import RECIPES
from .recipe import Recipe, Stability, Stage
from .train import train

__all__ = [
    "RECIPES",
    "Recipe",
    "Stability",
    "Stage",
    "train",
]
