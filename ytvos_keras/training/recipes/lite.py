"""The bundled `s2s-lite`, trained on images and videos on two cores in an afternoon.

    ytvos-prepare images PICTURES pictures
    ytvos-prepare davis VIDEOS videos
    ytvos-train --recipe lite --data pictures=0.8 --data videos=0.2 --validation held_out \
        --backbone-weights efficientnet_lite0.npz --output runs/lite

The first stage has clips of 5 frames, with teacher forcing that fades out over its first third; the
second has clips of 10 frames with the model's own predictions throughout, at a tenth of the largest
learning rate and less. Time, result and exact commands: MODEL_CARD.md.
"""

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Recipe, Stage

RECIPE = Recipe(
    model=PRESETS["s2s-lite"],
    stages=(
        Stage(
            "short clips",
            steps=3600,
            clip_length=5,
            size=(192, 320),
            teacher_forcing=(0.0, 0.35),
            corruption=0.25,  # true masks are better than those the model will predict
        ),
        Stage("long clips", steps=900, clip_length=10, size=(192, 320)),
    ),
    loss="lite",
    batch_size=4,
    learning_rate=1e-3,
    schedule="cosine",
    weight_decay=5e-4,
    clip_norm=1.0,
    average=0.998,  # spans about 500 steps
    precision="mixed_bfloat16",
    augment=True,
    checkpoint_steps=150,
)
