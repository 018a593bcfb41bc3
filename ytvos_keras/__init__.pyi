from . import (
    data,
    datasets,
    evaluation,
    export,
    inference,
    layers,
    losses,
    media,
    metrics,
    models,
    records,
    training,
)
from .data import make_dataset
from .errors import InputError
from .evaluation import evaluate
from .export import export_onnx, export_saved_model
from .inference import OnlineLearningConfig, Segmenter
from .models import S2S, S2SConfig, load
from .training import RECIPES, Recipe, train

__version__: str

__all__ = [
    "RECIPES",
    "S2S",
    "InputError",
    "OnlineLearningConfig",
    "Recipe",
    "S2SConfig",
    "Segmenter",
    "data",
    "datasets",
    "evaluate",
    "evaluation",
    "export",
    "export_onnx",
    "export_saved_model",
    "inference",
    "layers",
    "load",
    "losses",
    "make_dataset",
    "media",
    "metrics",
    "models",
    "records",
    "train",
    "training",
]
