"""Initial weights and frozen parts of a run."""

import dataclasses
from pathlib import Path
from typing import Any

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.models import PRESETS, S2S, load
from ytvos_keras.models.backbones import EfficientNetLite0
from ytvos_keras.models.weight_files import check_weight_file
from ytvos_keras.training.checkpoint import read_config
from ytvos_keras.training.recipe import Recipe

_BACKBONE = ".backbone"


def complete_recipe(recipe: Recipe) -> Recipe:
    """Fill in the network of a recipe that takes it from its weights, and check initial weights.

    Raises an `InputError` if there are none to take it from, or if a frozen part is random.
    """
    if recipe.model is None:
        if recipe.weights is None:
            raise InputError(
                "this recipe fine-tunes a trained model: give --weights with a .keras file, a "
                "checkpoint, or the name of a network with bundled weights such as s2s-lite"
            )
        config = read_config(recipe.weights) or load(recipe.weights).config
        recipe = dataclasses.replace(recipe, model=config)
    if recipe.weights is not None:
        # Backbone weights would be overwritten, so do not read or download them.
        return dataclasses.replace(recipe, backbone_weights=None)
    for part in frozen_parts(recipe):
        # Backbone weights do not cover other parts.
        if recipe.backbone_weights is None or not part.endswith(_BACKBONE):
            backbone = "--backbone-weights FILE, or " if part.endswith(_BACKBONE) else ""
            raise InputError(
                f"{part} is not trained by this recipe and would keep random weights; give "
                f"{backbone}--weights with a trained model"
            )
    return recipe


def frozen_parts(recipe: Recipe) -> tuple[str, ...]:
    """The parts that are not trained, including those that the network itself freezes."""
    own: tuple[str, ...] = ()
    if (model := recipe.model) is not None and model.freeze_backbone:
        own = ("encoder.backbone",)
        separate = not model.shared_encoder and model.encoder_input == "frame"
        if separate and model.initializer == "network":
            own += ("initializer.backbone",)
    return tuple(dict.fromkeys(own + recipe.frozen))


def load_weights(model: S2S, weights: str | Path) -> None:
    """Load the initial weights of a run, see `Recipe.weights`.

    The model must not be compiled, or it would expect weights of its optimizer too.
    """
    try:
        if weights in PRESETS:
            model.set_weights(load(weights).get_weights())
        else:
            check_weight_file(weights)
            model.load_weights(weights)
    except InputError:
        raise
    except Exception as error:  # Keras and HDF5 raise all kinds of errors
        raise InputError(
            f"{weights}: not weights of this network ({first_line(error)}); give a .keras or "
            ".weights.h5 file of the same S2SConfig"
        ) from error


def freeze(model: S2S, parts: tuple[str, ...]) -> None:
    """Exclude parts of a model, named as in `Recipe.frozen`, from training.

    Layers of a backbone that have no pretrained weights are still trained.
    """
    for part in parts:
        layer: Any = model
        for name in part.split("."):
            layer = getattr(layer, name, None)
        if layer is None:
            raise InputError(
                f"this network has no {part}; leave it out of the recipe's frozen parts"
            )
        pretrained = getattr(layer, "pretrained_layers", None)  # of a VGG-16
        # If only some layers have weights (fc6 may be new), those freeze and the rest is trained.
        layer.trainable = bool(pretrained)
        for each in pretrained or ():
            each.trainable = False


def train_backbone_from(model: S2S, stride: int) -> None:
    """Train the Encoder's frozen EfficientNet-Lite0 from a stride on."""
    backbone = model.encoder.backbone
    if not isinstance(backbone, EfficientNetLite0) or backbone.trainable:
        raise InputError(
            "the recipe's train_backbone_from needs a network that freezes its "
            "EfficientNet-Lite0, such as s2s-lite; leave it out for other networks"
        )
    backbone.train_from(stride)
