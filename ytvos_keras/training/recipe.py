"""What a training run does, as data: a few frozen dataclasses."""

import dataclasses
from dataclasses import dataclass

from ytvos_keras.models.config import S2SConfig

_CHOICES = {
    "loss": ("cross-entropy", "lite"),
    "schedule": ("constant", "cosine"),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}
_PARTS = ("initializer", "encoder", "conv_lstm", "decoder")


@dataclass(frozen=True)
class Stability:
    """When the loss counts as stable: the paper says "when the training losses become stable".

    The losses of the epochs are smoothed exponentially. The stage ends when for `epochs` epochs in
    a row the smoothed loss has not fallen by the share `improvement` below its best.

    Args:
        improvement: share, 0–1.
        epochs: how many epochs in a row.
        smoothing: weight of the past in the smoothed loss, 0–1.
    """

    improvement: float = 0.01
    epochs: int = 5
    smoothing: float = 0.7


@dataclass(frozen=True)
class Stage:
    """One part of the curriculum.

    Args:
        name: what progress and log call it.
        steps: optimiser steps; or `passes` in place of it.
        passes: passes over the training videos, one clip a video: the paper's epochs.
        frames: `"annotated"`, or `"any"`: frames without annotation are drawn too, at weight 0.
        clip_length: T, or a range from which a T is drawn for every batch.
        size: height and width of the frames in pixels, multiples of 32.
        teacher_forcing: of models that see a previous mask: shares of the stage in which it is the
            true one, and over which the probability of that then falls to zero, such as (0, 1/3);
            None to feed back the model's own from the start.
        until_stable: end the stage before its time when the loss is stable.
    """

    name: str
    steps: int | None = None
    passes: float | None = None
    frames: str = "annotated"
    clip_length: int | tuple[int, int] = (5, 11)
    size: tuple[int, int] = (256, 448)
    teacher_forcing: tuple[float, float] | None = None
    until_stable: Stability | None = None

    def __post_init__(self):
        if (self.steps is None) == (self.passes is None):
            raise ValueError(
                f"a stage has either steps or passes. Received: steps={self.steps}, "
                f"passes={self.passes}"
            )
        if self.frames not in ("annotated", "any"):
            raise ValueError(f'frames must be "annotated" or "any". Received: {self.frames!r}')

    def step_count(self, videos: int, batch_size: int) -> int:
        """Optimiser steps of this stage on so many training videos, at least one."""
        if self.steps is not None:
            return self.steps
        return max(1, round(self.passes * videos / batch_size))


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run but the data and the place of its files.

    Args:
        model: the network.
        stages: in order.
        loss: `"cross-entropy"` (equation 5 of the paper) or `"lite"` (see `LiteLoss`).
        batch_size: clips a step; that of all devices and workers together.
        learning_rate: of Adam, at the start (after the warm-up).
        schedule: `"constant"`, or `"cosine"` to zero over all stages after a short warm-up.
        weight_decay: of AdamW; 0 for plain Adam.
        clip_norm: largest global norm of the gradient; None for no clipping.
        average: momentum of the running average of the weights, which is validated and saved;
            None for no average.
        accumulate: batches whose gradients are averaged before each step of the optimiser.
        precision: Keras dtype policy; losses, logits and cell states are float32 under any.
        recompute: whether activations are computed anew for the gradients, to fit long clips.
        epoch_steps: steps between two validations and checkpoints: an epoch of `model.fit`.
        augment: whether clips are changed at random (`make_dataset`). The paper only resizes them.
        percent: share of the training videos, chosen by their names (Table 4 of the paper); a
            larger share holds every smaller one.
        frozen: parts of the model that keep the weights they start with, of `"initializer"`,
            `"encoder"`, `"conv_lstm"` and `"decoder"`.
        seed: of weights and of the clips.
    """

    model: S2SConfig
    stages: tuple[Stage, ...]
    loss: str = "cross-entropy"
    batch_size: int = 1
    learning_rate: float = 1e-5
    schedule: str = "constant"
    weight_decay: float = 0.0
    clip_norm: float | None = None
    average: float | None = None
    accumulate: int = 1
    precision: str = "float32"
    recompute: bool = False
    epoch_steps: int = 200
    augment: bool = False
    percent: float = 100.0
    frozen: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}. Received: {getattr(self, name)!r}"
                )
        if not set(self.frozen) <= set(_PARTS):
            raise ValueError(f"frozen must be of {', '.join(_PARTS)}. Received: {self.frozen}")
        if not self.stages:
            raise ValueError("a recipe needs one stage or more")

    def to_dict(self) -> dict:
        """In plain types, ready for JSON."""
        return dataclasses.asdict(self)
