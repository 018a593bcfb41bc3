"""Second part of the training of `s2s-lite`: real videos and the memory of several frames.

    ytvos-train --recipe lite-videos --weights runs/lite/best.keras \
        --data pictures=0.45 --data videos=0.55 --output runs/lite-videos

More than half of the clips are real. Clips made from images have more look-alikes and stronger
changes of size than in `lite`. In training, every second frame is remembered, so that even clips of
6 frames use the memory; the saved model remembers every fifth. By the 300 steps at full size, the
learning rate has fallen below 3 % of its peak. Time, result, data: MODEL_CARD.md.
"""

from ytvos_keras.data.augmentation import Augmentation, MotionConfig, SyntheticConfig
from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Recipe, Stage

PICTURES = SyntheticConfig(
    distractors=(0.3, 0.4, 0.3),
    copies=0.5,
    disappear=0.15,
    target=MotionConfig(scale=0.07, jump_scale=0.3),
)

RECIPE = Recipe(
    model=PRESETS["s2s-lite"],
    stages=(
        Stage("real videos", steps=2600, clip_length=6, size=(192, 320)),
        Stage("full size", steps=300, clip_length=8, size=(256, 448)),
    ),
    loss="lite",
    batch_size=4,
    learning_rate=4e-4,
    schedule="cosine",
    weight_decay=5e-4,
    clip_norm=1.0,
    average=0.995,  # spans about 200 of the 2,900 steps
    precision="mixed_bfloat16",
    augment=Augmentation(pictures=PICTURES),
    max_step=8,
    remember_every=2,
    checkpoint_steps=100,
    seed=1,
)
