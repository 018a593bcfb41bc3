"""`s2s-lite-rough`: find the mask of an object in a frame from a box, an outline or a scribble.

    ytvos-train --recipe lite-rough --weights s2s-lite \
        --data pictures=0.7 --data videos=0.3 --validation held_out --output runs/lite-rough

The network is that of `s2s-lite`. A clip is one frame repeated: the Initializer and the memory get
a random trimap, and the steps predict the mask. Most images move as a whole, because the seams of
objects that are pasted over other images would give their masks away. Time, result, data:
MODEL_CARD.md.
"""

import dataclasses

from ytvos_keras.data.augmentation import Augmentation, SyntheticConfig
from ytvos_keras.training.recipe import Stage
from ytvos_keras.training.recipes import lite_videos

RECIPE = dataclasses.replace(
    lite_videos.RECIPE,
    stages=(
        Stage("small", steps=500, clip_length=2, size=(192, 320)),
        Stage("full size", steps=350, clip_length=2, size=(256, 448)),
        Stage("two steps", steps=150, clip_length=3, size=(256, 448)),
    ),
    rough_masks=True,
    remember_every=None,
    train_backbone_from=16,
    batch_size=8,
    average=0.98,  # spans about 50 of the 1,000 steps
    checkpoint_steps=50,
    augment=Augmentation(
        pictures=SyntheticConfig(
            whole_picture=0.8, mask_share=(0.02, 0.4), distractors=(0.5, 0.3, 0.2), disappear=0.0
        )
    ),
    seed=6,
)
