"""The paper's training on YouTube-VOS (section 4.3).

    ytvos-prepare youtube-vos YOUTUBE_VOS/train records --all-frames
    ytvos-train --recipe paper --data records --validation validation_records --output runs/paper

Both VGG-16s start from ImageNet weights (downloaded once by Keras), everything else from Glorot
initialization. Clips are only resized to 256×448, T is 5 to 11, and Adam has a constant learning
rate of 1e-5. There are 80 passes over the training videos: with annotated frames only until the
loss is stable, for at most 60 passes; then with all frames, at weight 0 where there is no
annotation. The paper does not state the batch size. `paper-75`, `paper-50` and `paper-25` are Table
4: the same passes over a fraction of the training videos.

Time: not measured, needs a GPU. Result: not measured; the paper has J 60.9 on seen and 60.1 on
unseen categories (cited, Table 2), with a quarter of the videos 46.7 and 40.1 (cited, Table 4).
"""

import dataclasses

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Recipe, Stability, Stage

# Adam at 1e-5, T of 5 to 11 and 256×448 (section 4.3) are the defaults of Recipe and Stage.
RECIPE = Recipe(
    model=PRESETS["s2s-vgg16"],
    backbone_weights="imagenet",
    stages=(
        Stage("annotated frames", passes=60, until_stable=Stability()),
        # 80 passes in total (section 4.3): 20, and those that the first stage leaves of its 60.
        Stage("all frames", passes=20, frames="any"),
    ),
    batch_size=4,
)

FRACTIONS = {percent: dataclasses.replace(RECIPE, percent=percent) for percent in (75, 50, 25)}
