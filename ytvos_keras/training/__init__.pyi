from .devices import Devices, find_devices
from .fit_confidence import ConfidenceExamples, collect_examples, fit_confidence
from .recipe import Recipe, Stability, Stage
from .recipes import RECIPES
from .run_files import RunFiles
from .train import train

__all__ = [
    "RECIPES",
    "ConfidenceExamples",
    "Devices",
    "Recipe",
    "RunFiles",
    "Stability",
    "Stage",
    "collect_examples",
    "find_devices",
    "fit_confidence",
    "train",
]
