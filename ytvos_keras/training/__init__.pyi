from .recipe import Recipe, Stability, Stage
from .recipes import RECIPES
from .run_files import RunFiles
from .train import train

__all__ = [
    "RECIPES",
    "Recipe",
    "RunFiles",
    "Stability",
    "Stage",
    "train",
]
