"""Fourth part of the training of `s2s-lite`: clips as in long videos, at full size.

    ytvos-train --recipe lite-full-size --weights runs/lite-objects/last.keras \
        --data pictures=0.35 --data videos=0.65 --output runs/lite-full-size

The earlier parts reach full size at the end of their schedules, when the learning rate is below 3 %
of its peak. Here, all clips have it, and half of those from videos have a few long gaps between
their frames. Objects of images also leave the frame and return, and paths cross. The bundled
weights are the mean of those before and after. Time, result, data: MODEL_CARD.md.
"""

import dataclasses

from ytvos_keras.data.augmentation import Augmentation, VideoConfig
from ytvos_keras.training.recipe import Stage
from ytvos_keras.training.recipes import lite_objects, lite_videos

RECIPE = dataclasses.replace(
    lite_objects.RECIPE,
    stages=(Stage("full size", steps=600, clip_length=8, size=(256, 448)),),
    objects=1,
    learning_rate=2e-4,
    max_step=12,
    augment=Augmentation(
        videos=VideoConfig(uneven=0.5),
        pictures=dataclasses.replace(lite_videos.PICTURES, leave=0.15, cross=0.3),
    ),
    seed=4,
)
