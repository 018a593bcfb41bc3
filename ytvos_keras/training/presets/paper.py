"""The paper's training on YouTube-VOS (section 4.3).

    ytvos-prepare youtube-vos YOUTUBE_VOS/train records
    ytvos-train --preset paper --data records --validation validation_records \
        --backbone-weights imagenet --output runs/paper

256×448, T from 5 to 11, Adam with a learning rate of 1e-5, 80 epochs in all: annotated frames
until the loss is stable, then all frames, at weight 0 where there is no annotation. The size of a
batch is not in the paper. For Table 4, prepare fractions of the training set (`ytvos-prepare
split` writes `train_25.txt` …, and `ytvos-prepare … --videos train_25.txt` takes it).

Time: not measured, needs a GPU. Result: not measured; the paper has J 60.9 on seen and 60.1 on
unseen categories (cited, Table 2).
"""

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Recipe, Stability, Stage

RECIPE = Recipe(
    model=PRESETS["s2s-vgg16"],
    stages=(
        Stage("annotated frames", passes=60, until_stable=Stability()),
        Stage("all frames", passes=20, frames="any"),
    ),
    batch_size=4,
)
