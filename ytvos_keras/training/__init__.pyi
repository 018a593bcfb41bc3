from .recipe import Recipe, Stability, Stage
from .recipes import RECIPES
from .train import train

__all__ = [
    "RECIPES",
    "Recipe",
    "Stability",
    "Stage",
    "train",
]
