"""Training of `s2s-lite` after `lite-objects`: objects that leave and return, and paths that cross.

    ytvos-train --recipe lite-occlusions --weights runs/lite-objects/last.keras \
        --data pictures=0.5 --data videos=0.5 --output runs/lite-occlusions

Clips are a frame longer than before, so that an object that left is back before the end. The
bundled weights are those before this part: it has not been run to its end yet.
"""

import dataclasses

from ytvos_keras.data.config import Augmentation
from ytvos_keras.training.recipe import Stage
from ytvos_keras.training.recipes import lite_objects, lite_videos

RECIPE = dataclasses.replace(
    lite_objects.RECIPE,
    stages=(Stage("occlusions", steps=700, clip_length=7, size=(192, 320)),),
    learning_rate=2e-4,
    augment=Augmentation(
        pictures=dataclasses.replace(
            lite_videos.PICTURES,
            distractors=(0.15, 0.45, 0.4),
            copies=0.6,
            disappear=0.2,
            leave=0.2,
            cross=0.4,
        )
    ),
    seed=3,
)
