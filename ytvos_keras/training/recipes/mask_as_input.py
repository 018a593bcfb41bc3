"""The paper's ablation in which the Encoder sees the previous mask too (section 5.4).

    ytvos-train --recipe mask-as-input --data records --output runs/mask-as-input

Initializer and Encoder share one VGG-16. The Encoder sees the true previous mask until the loss is
stable (teacher forcing); then the model's own prediction replaces it in one step, as in the paper
("after the training losses become stable, we replace …"). In its reference [2] the probability of
the true mask falls gradually instead; `teacher_forcing=(0.0, 0.5)` in the second stage does that.
When the loss is stable again, frames without annotation are added, as in `paper`.

Time and result: not measured; the paper has J 59.4 on seen and 60.7 on unseen categories (cited).
"""

import dataclasses

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipe import Stability, Stage
from ytvos_keras.training.recipes import paper

RECIPE = dataclasses.replace(
    paper.RECIPE,
    model=dataclasses.replace(PRESETS["s2s-vgg16"], encoder_input="frame_and_mask"),
    stages=(
        # No corruption: the paper uses the true masks as they are.
        Stage("true masks", passes=30, teacher_forcing=(1.0, 0.0), until_stable=Stability()),
        Stage("own predictions", passes=30, until_stable=Stability()),
        Stage("all frames", passes=20, frames="any"),
    ),
)
