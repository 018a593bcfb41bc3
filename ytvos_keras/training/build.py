"""Build and compile the model of a recipe."""

import logging

import keras

from ytvos_keras.layers.native_types import warn_if_emulated
from ytvos_keras.losses import LOSSES
from ytvos_keras.metrics import MeanJ
from ytvos_keras.models import S2S
from ytvos_keras.training.devices import Devices
from ytvos_keras.training.fused_adam import FusedAdam
from ytvos_keras.training.multi_replica import compile_replicated
from ytvos_keras.training.recipe import Recipe
from ytvos_keras.training.start import freeze, frozen_parts, load_weights, train_backbone_from

logger = logging.getLogger(__name__)

_WARMUP = 1 / 30  # of all steps, before a cosine schedule
_SLOW_RATE = 0.1  # of the learning rate, see `Recipe.train_backbone_from`


def build_model(recipe: Recipe, pretrained: bool = True) -> S2S:
    """Build the network of a completed recipe with its initial weights, random or `pretrained`."""
    warn_if_emulated(recipe.precision)
    if recipe.model is not None and recipe.model.predict_confidence and recipe.weights is None:
        logger.warning(
            "no recipe trains the confidence head, so its confidence is 0.5 for every mask; "
            "fit it after the training: ytvos_keras.training.fit_confidence."
        )
    # Initial weights are the only random numbers of a run that do not depend on a clip number.
    keras.utils.set_random_seed(recipe.seed)
    backbone = recipe.backbone_weights if pretrained else None
    model = S2S(recipe.model, dtype=recipe.precision, backbone_weights=backbone)
    if recipe.weights is not None and pretrained:
        load_weights(model, recipe.weights)
    freeze(model, frozen_parts(recipe))
    if recipe.train_backbone_from is not None:
        train_backbone_from(model, recipe.train_backbone_from)
    model.recompute = recipe.recompute
    if recipe.remember_every is not None and model.memory is not None:
        # Only the layer's attribute: saved models are built from the config.
        model.memory.every = recipe.remember_every
    return model


def compile_model(model: S2S, recipe: Recipe, steps: int, devices: Devices | None = None) -> None:
    """Compile the model with the recipe's loss, metric and optimizer.

    Under `mixed_float16`, Keras scales the loss so that small gradients do not vanish. `steps` is
    the total of all stages, the length of a cosine schedule. Must be called in the scope of the
    devices.
    """
    slow = model.encoder.backbone if recipe.train_backbone_from is not None else None
    compile_replicated(
        model,
        devices or Devices(),
        optimizer=make_optimizer(recipe, steps, slow),
        loss=LOSSES[recipe.loss](),
        metrics=[],
        # As `metrics`, they would count frames of weight 0.
        weighted_metrics=[MeanJ()],
        jit_compile=False,  # slower than oneDNN for these convolutions
    )


def make_optimizer(
    recipe: Recipe, steps: int, slow: keras.layers.Layer | None = None
) -> keras.optimizers.Optimizer:
    """Create Adam or AdamW with the recipe's schedule, clipping, accumulation and averaging.

    The layer `slow`, if any, learns at a tenth of the rate.
    """
    options = {
        "rates": {v.path: _SLOW_RATE for v in slow.trainable_variables} if slow else None,
        "learning_rate": _schedule(recipe, steps),
        "global_clipnorm": recipe.clip_norm,
        "gradient_accumulation_steps": recipe.accumulate if recipe.accumulate > 1 else None,
    }
    if recipe.average is not None:
        # Keras updates the average after every batch: N times between two steps.
        momentum = recipe.average ** (1 / recipe.accumulate)
        options |= {"use_ema": True, "ema_momentum": momentum}
    return FusedAdam(weight_decay=recipe.weight_decay or None, **options)


def _schedule(recipe: Recipe, steps: int):
    if recipe.schedule == "constant":
        return recipe.learning_rate
    steps *= recipe.accumulate  # Keras counts batches
    warmup = max(1, round(steps * _WARMUP))
    # `warmup_target` is where the warm-up ends and the cosine begins. Not from 0, which would waste
    # the first step.
    return keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / (warmup + 1),
        max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
