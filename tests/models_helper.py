"""Small models of every kind, and clips for them."""

import dataclasses
import functools

import numpy as np

from ytvos_keras.models import PRESETS, S2S, S2SConfig, load

_PAPER = S2SConfig(
    backbone="efficientnet-lite0",
    encoder_filters=8,
    state_filters=8,
    decoder_filters=(8, 8, 4, 4, 4),
)
SMALL = {
    "paper": _PAPER,
    "mask-as-state": dataclasses.replace(_PAPER, initializer="mask"),
    "mask-as-input": dataclasses.replace(_PAPER, encoder_input="frame_and_mask"),
    "lite": dataclasses.replace(
        PRESETS["s2s-lite"],
        encoder_filters=12,
        state_filters=8,
        decoder_filters=(8, 8, 8),
        matching_filters=8,
    ),
}
# Only for tests of several objects; in the others, it would repeat "lite".
_ALONE = {"lite-alone": dataclasses.replace(SMALL["lite"], sees_others=False)}


def new_model(kind: str, **kwargs) -> S2S:
    """A small model with random weights, rescaled so that features do not vanish."""
    model = S2S((SMALL | _ALONE)[kind], **kwargs)
    for part in (model.encoder, model.initializer):
        if hasattr(part, "backbone"):
            _enlarge(part.backbone)
    if model.config.sees_others:
        kernel = model.memory.mix_value.convolutions[2].kernel  # starts at zero
        kernel.assign(np.random.default_rng(0).normal(scale=0.05, size=kernel.shape))
    return model


@functools.cache
def small_model(kind: str) -> S2S:
    """One shared model per kind, for tests that do not modify it."""
    return new_model(kind)


@functools.cache
def bundled_model() -> S2S:
    """`s2s-lite` with its weights, shared by tests that do not modify it."""
    return load("s2s-lite")


def _enlarge(backbone):
    """Rescale random kernels: Glorot without batch norm shrinks the maps, unlike pretraining."""
    frames = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3))
    masks = np.zeros((1, 64, 96, 1)) if backbone.with_mask else None
    x = backbone.preprocess(frames, masks)
    for conv in [backbone.stem, *(c for s in backbone.stages for block in s for c in block)]:
        kernel, bias = conv.get_weights()
        conv.set_weights([kernel / np.std(conv(x)), bias])
        x = conv(x)


def make_clip(batch=2, length=4, height=40, width=70, seed=0):
    generator = np.random.default_rng(seed)
    frames = generator.integers(0, 256, (batch, length, height, width, 3), dtype="uint8")
    mask = np.zeros((batch, height, width, 1), "uint8")
    mask[:, 5:25, 10:40] = 1
    return {"frames": frames, "mask": mask}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))
