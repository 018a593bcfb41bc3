"""Third part of the training of `s2s-lite`: two objects per clip, and a backbone that learns.

    ytvos-train --recipe lite-objects --weights runs/lite-videos/last.keras \
        --data pictures=0.45 --data videos=0.55 --output runs/lite-objects

Only here do the objects of a clip see each other. The backbone is trained from stride 16 on, which
makes a step a quarter longer; training all of it would make it two and a half times as long. By the
70 steps at full size, the learning rate has fallen below 0.5 % of its peak. Time, result, data:
MODEL_CARD.md.
"""

import dataclasses

from ytvos_keras.data.augmentation import Augmentation
from ytvos_keras.training.recipe import Stage
from ytvos_keras.training.recipes import lite_videos

RECIPE = dataclasses.replace(
    lite_videos.RECIPE,
    stages=(
        Stage("two objects", steps=1650, clip_length=6, size=(192, 320)),
        Stage("full size", steps=70, clip_length=8, size=(256, 448)),
    ),
    objects=2,
    train_backbone_from=16,
    learning_rate=3e-4,
    average=0.99,  # spans about 100 of the 1,720 steps
    augment=Augmentation(
        # More clips with further objects, so that there is a second one.
        pictures=dataclasses.replace(lite_videos.PICTURES, distractors=(0.15, 0.45, 0.4))
    ),
    checkpoint_steps=50,
    seed=2,
)
