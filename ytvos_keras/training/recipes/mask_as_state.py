"""The paper's ablation without Initializer: the mask itself is the initial state (section 5.4).

    ytvos-train --recipe mask-as-state --data records --output runs/mask-as-state

Everything else as in `paper`. Time and result: not measured; the paper has J 45.1 on seen and
38.6 on unseen categories (cited).
"""

import dataclasses

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipes import paper

RECIPE = dataclasses.replace(
    paper.RECIPE, model=dataclasses.replace(PRESETS["s2s-vgg16"], initializer="mask")
)
