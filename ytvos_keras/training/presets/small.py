"""The paper's network made small, to compare its variants on two cores in minutes.

    ytvos-train --preset small --data videos --backbone-weights efficientnet_lite0.npz \
        --output runs/small
    ytvos-train --preset small-mask-as-state …

Initializer, Encoder, ConvLSTM at stride 32 and Decoder as in section 4.3, cross-entropy, no
departure but the backbone and the number of channels; clips are not changed at random. Its masks
are coarse: it serves for comparisons, not for use. Time and results: not measured. In a trial
with pairs of 24 real videos masks appeared after some 650 steps: shorter runs compare nothing.
"""

import dataclasses

from ytvos_keras.models import S2SConfig
from ytvos_keras.training.recipe import Recipe, Stage

RECIPE = Recipe(
    model=S2SConfig(
        backbone="efficientnet-lite0",
        encoder_filters=256,
        state_filters=256,
        decoder_filters=(128, 64, 48, 32, 16),
        input_size=(96, 160),
    ),
    stages=(
        Stage("pairs", steps=1500, clip_length=2, size=(96, 160)),
        Stage("short clips", steps=300, clip_length=4, size=(96, 160)),
    ),
    batch_size=4,
    learning_rate=4e-4,
    schedule="cosine",
    weight_decay=5e-4,
    clip_norm=1.0,
    average=0.99,
    epoch_steps=50,
)
MASK_AS_STATE = dataclasses.replace(
    RECIPE, model=dataclasses.replace(RECIPE.model, initializer="mask")
)
