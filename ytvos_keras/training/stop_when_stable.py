"""Early stopping of a stage when its loss is stable."""

import keras

from ytvos_keras.training.checkpoint import Progress
from ytvos_keras.training.recipe import Stability


class StopWhenStable(keras.callbacks.Callback):
    """End `fit` when the rule of a `Stability` is met, which is tested after every Keras epoch.

    Args:
        rule: the rule.
        progress: progress of the run. Its `stable` is the memory of the rule: `loss` (smoothed),
            `best` and `waited` (passes). It is part of every checkpoint, so that a resumed run
            stops where an uninterrupted one does.
        steps: optimizer steps from one checkpoint to the next.
        passes_per_step: fraction of the training videos in one step.
    """

    def __init__(self, rule: Stability, progress: Progress, steps: int, passes_per_step: float):
        super().__init__()
        self.rule = rule
        self.progress = progress
        self.steps = steps
        self.passes_per_step = passes_per_step

    def on_epoch_end(self, epoch, logs=None):
        passes = self.progress.steps_to_checkpoint(self.steps) * self.passes_per_step
        update_stability(self.rule, self.progress.stable, float(logs["loss"]), passes)
        if is_stable(self.rule, self.progress.stable):
            self.model.stop_training = True


def update_stability(rule: Stability, memory: dict, loss: float, passes: float) -> None:
    """Update the memory with the mean loss of further passes, or of a fraction of one.

    Args:
        rule: the rule.
        memory: changed in place; empty at the start of a stage.
        loss: mean over these passes.
        passes: over the training videos.
    """
    # Smoothing and patience are in passes, so the rule does not depend on the checkpoint interval.
    past = rule.smoothing**passes
    memory["loss"] = past * memory.get("loss", loss) + (1 - past) * loss
    if memory["loss"] < memory.get("best", float("inf")) * (1 - rule.improvement):
        memory |= {"best": memory["loss"], "waited": 0.0}
    else:
        memory["waited"] = memory.get("waited", 0.0) + passes


def is_stable(rule: Stability, memory: dict) -> bool:
    """Whether a loss is stable.

    Args:
        rule: the rule.
        memory: of `update_stability`.
    """
    return memory.get("waited", 0.0) >= rule.passes
