"""Fine-tuning of a trained model on your own videos.

    ytvos-prepare youtube-vos VIDEOS records
    ytvos-train --recipe finetune --data records --validation records --output runs/mine
    ytvos-segment clip.mp4 --mask first.png --model runs/mine/best.keras --output masks

Starts from `s2s-lite` unless --weights names another model. One stage of 300 steps of 4 clips of 6
frames; AdamW from a tenth of the learning rate of `lite` down to 0; the running average spans about
20 steps, so that 100 steps already have an effect. A frozen backbone stays frozen.

Time: 300 steps took 46 minutes on two cores shared with other work. The result depends on the
videos: docs/experiments/fine_tuning.md. Guide: docs/guides/fine_tune.md.
"""

from ytvos_keras.training.recipe import Recipe, Stage

RECIPE = Recipe(
    model=None,
    weights="s2s-lite",
    stages=(Stage("fine-tuning", steps=300, clip_length=6, size=(192, 320)),),
    loss="lite",
    batch_size=4,
    learning_rate=1e-4,
    schedule="cosine",
    weight_decay=5e-4,
    clip_norm=1.0,
    average=0.95,
    augment=True,
    remember_every=2,  # as in `lite-videos`; with 5, clips of 6 frames would hardly use the memory
    checkpoint_steps=50,
)
