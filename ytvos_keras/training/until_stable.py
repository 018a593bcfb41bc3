"""The end of a stage: when its loss is stable."""

import keras

from ytvos_keras.training.recipe import Stability


class UntilStable(keras.callbacks.Callback):
    """Ends `fit` when the rule of a `Stability` holds.

    Args:
        rule: the rule.
        memory: what it remembers between epochs: `loss` (smoothed), `best`, `waited`. Kept by the
            caller in its checkpoints, so that a resumed run ends where an uninterrupted one does.
    """

    def __init__(self, rule: Stability, memory: dict):
        super().__init__()
        self.rule = rule
        self.memory = memory

    def on_epoch_end(self, epoch, logs=None):
        self._remember(float(logs["loss"]))
        if is_stable(self.rule, self.memory):
            self.model.stop_training = True

    def _remember(self, loss: float) -> None:
        rule, memory = self.rule, self.memory
        before = memory.get("loss", loss)
        memory["loss"] = rule.smoothing * before + (1 - rule.smoothing) * loss
        if memory["loss"] < memory.get("best", float("inf")) * (1 - rule.improvement):
            memory |= {"best": memory["loss"], "waited": 0}
        else:
            memory["waited"] = memory.get("waited", 0) + 1


def is_stable(rule: Stability, memory: dict) -> bool:
    """Whether a stage is over.

    Args:
        rule: the rule.
        memory: of an `UntilStable`.
    """
    return memory.get("waited", 0) >= rule.epochs
