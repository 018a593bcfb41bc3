"""Fine-tuning on the 30 training videos of DAVIS 2016 (section 5.3, Table 3).

    ytvos-prepare davis DAVIS records --year 2016 --split train
    ytvos-train --recipe davis2016 --data records --weights runs/paper/best.keras \
        --output runs/davis2016

200 passes (the paper's epochs) from the weights of `paper`, or of any other model. Training
without YouTube-VOS: `settings`.

Time: not measured, needs a GPU. Result: not measured; the paper has a mean J of 76.5 (cited).
"""

from ytvos_keras.training.recipe import Recipe, Stage

RECIPE = Recipe(
    model=None,
    stages=(Stage("DAVIS 2016", passes=200),),
    batch_size=4,
    remember_every=2,  # for models with a memory, see `finetune`
)
