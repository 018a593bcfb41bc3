"""The paper's ablation in which the Encoder sees the previous mask too (section 5.4).

    ytvos-train --preset mask-as-input --data records \
        --backbone-weights imagenet --output runs/mask-as-input

One VGG-16 serves Initializer and Encoder. The true previous mask is given until the loss is
stable (teacher forcing), then the model's own prediction takes its place with rising probability
(scheduled sampling). Time and result: not measured; the paper has J 59.4 on seen and 60.7 on
unseen categories (cited).
"""

import dataclasses

from ytvos_keras.training.presets import paper
from ytvos_keras.training.recipe import Stability, Stage

RECIPE = dataclasses.replace(
    paper.RECIPE,
    model=dataclasses.replace(paper.RECIPE.model, encoder_input="frame_and_mask"),
    stages=(
        Stage(
            "true masks",
            passes=30,
            teacher_forcing=(1.0, 0.0),
            until_stable=Stability(),
        ),
        Stage("scheduled sampling", passes=30, teacher_forcing=(0.0, 0.5)),
        Stage("all frames", passes=20, frames="any"),
    ),
)
