"""A small version of the paper's network, for comparing its variants on two cores in minutes.

    ytvos-train --recipe small --data videos --output runs/small
    ytvos-train --recipe small-mask-as-state …

Initializer, Encoder, ConvLSTM at stride 32, Decoder and cross-entropy are those of section 4.3,
without fc6 and with fewer channels and smaller frames; clips are not augmented. Its masks are
coarse: it is for comparisons only.

Time: 15 minutes on one core of an AMD EPYC (2026-11-23), without Initializer 9 to 17. Result: J
22.3 ± 8.5 on held-out clips over three seeds, without Initializer 6.6 ± 0.9; videos and initial
weights: docs/experiments/training.md.
"""

import dataclasses

from ytvos_keras.models import S2SConfig
from ytvos_keras.training.recipe import Recipe, Stage

_MODEL = S2SConfig(
    fc6="none",
    encoder_filters=256,
    state_filters=256,
    decoder_filters=(128, 64, 48, 32, 16),
    input_size=(96, 160),
)
RECIPE = Recipe(
    model=_MODEL,
    backbone_weights="imagenet",
    stages=(
        Stage("pairs", steps=440, clip_length=2, size=(96, 160)),
        Stage("short clips", steps=220, clip_length=4, size=(96, 160)),
    ),
    batch_size=2,
    learning_rate=1e-4,
    clip_norm=1.0,
    average=0.99,
    precision="mixed_bfloat16",
    checkpoint_steps=110,
)
MASK_AS_STATE = dataclasses.replace(RECIPE, model=dataclasses.replace(_MODEL, initializer="mask"))
