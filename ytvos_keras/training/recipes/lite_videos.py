"""Second part of the training of `s2s-lite`: real videos and the memory of several frames.

    ytvos-train --recipe lite-videos --weights runs/lite/best.keras \
        --data pictures=0.5 --data videos=0.5 --output runs/lite-videos

Half of the clips are real. In training, every second frame is remembered, so that even clips of 6
frames use the memory; the saved model remembers every fifth. Time, result, data: MODEL_CARD.md.
"""

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Recipe, Stage

RECIPE = Recipe(
    model=PRESETS["s2s-lite"],
    stages=(Stage("real videos", steps=650, clip_length=6, size=(192, 320)),),
    loss="lite",
    batch_size=4,
    learning_rate=3e-4,
    schedule="cosine",
    weight_decay=5e-4,
    clip_norm=1.0,
    average=0.99,  # spans about 100 of the 650 steps
    augment=True,
    remember_every=2,
    checkpoint_steps=25,
    seed=1,
)
