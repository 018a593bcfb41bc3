"""Configuration of a training run."""

from dataclasses import dataclass

from ytvos_keras.data.augmentation import Augmentation
from ytvos_keras.data.sampling import FRAMES, MAX_STEP, MIN_OBJECT
from ytvos_keras.errors import check_choices
from ytvos_keras.losses import LOSSES
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.precisions import PRECISIONS

_CHOICES = {
    "loss": tuple(LOSSES),
    "schedule": ("constant", "cosine"),
    "precision": PRECISIONS,
}
_PARTS = (
    *("initializer", "encoder", "conv_lstm", "decoder", "memory"),
    *("initializer.backbone", "encoder.backbone"),
)


@dataclass(frozen=True)
class Stability:
    """Rule for a stable loss; the paper says "when the training losses become stable".

    The loss is smoothed exponentially. It is stable when the smoothed loss has not improved on its
    best value by the fraction `improvement` for `passes` passes over the training videos. The rule
    is applied at every checkpoint.

    Args:
        improvement: fraction, 0–1.
        passes: patience, in passes over the training videos.
        smoothing: weight of the past in the smoothed loss after one pass, 0–1.
    """

    improvement: float = 0.01
    passes: float = 5
    smoothing: float = 0.7


@dataclass(frozen=True)
class Stage:
    """One stage of the curriculum.

    If a stage ends early because its loss is stable, its remaining steps are added to the next one,
    so the length of the whole training stays the same.

    Args:
        name: shown in progress and log.
        steps: optimizer steps. Give either `steps` or `passes`.
        passes: passes over the training videos with one clip per video: the paper's epochs.
        frames: `"annotated"`, or `"any"` to include frames without annotation at weight 0.
        clip_length: T, or a range from which T is drawn for every batch.
        size: height and width of the frames in pixels, multiples of 32.
        teacher_forcing: for models that see a previous mask: `(held, falling)` as fractions of the
            stage. The model sees the true mask for `held`; over `falling`, its probability falls
            linearly to 0 (scheduled sampling); after that, the model sees its own predictions.
            None: its own predictions from the start.
        corruption: fraction of clips whose true previous masks get random errors similar to those
            of a model, 0–1.
        until_stable: end the stage early when the loss is stable.
    """

    name: str
    steps: int | None = None
    passes: float | None = None
    frames: str = "annotated"
    clip_length: int | tuple[int, int] = (5, 11)
    size: tuple[int, int] = (256, 448)
    teacher_forcing: tuple[float, float] | None = None
    corruption: float = 0.0
    until_stable: Stability | None = None

    def __post_init__(self):
        if (self.steps is None) == (self.passes is None):
            raise ValueError(
                f"a stage needs either steps or passes. Received: steps={self.steps}, "
                f"passes={self.passes}"
            )
        check_choices(vars(self), {"frames": FRAMES})

    @property
    def longest_clip(self) -> int:
        """The largest T."""
        return self.clip_length if isinstance(self.clip_length, int) else self.clip_length[1]

    def step_count(self, videos: int, clips_per_step: int) -> int:
        """Optimizer steps of this stage on a number of training videos, at least one."""
        if self.steps is not None:
            return self.steps
        assert self.passes is not None  # checked in __post_init__
        return max(1, round(self.passes * videos / clips_per_step))


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run except its data and output folder.

    Args:
        model: the network; None to use that of `weights`, which must then be given.
        stages: in order.
        weights: trained model to start from: the name of a network with bundled weights
            (`"s2s-lite"`), a `.keras` or `.weights.h5` file, or a checkpoint (then the weights that
            were being trained, not their running average); None for a new one.
        backbone_weights: pretrained weights of the backbones: `"imagenet"`, a file (see `S2S`), or
            None for random weights. Ignored if there are `weights`.
        loss: `"cross-entropy"` (equation 5 of the paper) or `"lite"` (see `LiteLoss`).
        batch_size: clips per batch, over all devices and workers.
        learning_rate: initial learning rate of Adam (after the warm-up).
        schedule: `"constant"`, or `"cosine"` to zero after a short warm-up. The cosine covers all
            stages together: in the last tenth of all steps, the rate is below 3 % of its peak.
        weight_decay: weight decay of AdamW; 0 for plain Adam.
        clip_norm: largest global norm of the gradient; None for no clipping.
        average: momentum of the running average of the weights, which is validated and saved; None
            for no average.
        accumulate: number of batches to average gradients over for each optimizer step.
        precision: Keras dtype policy; losses, logits and cell states are always float32.
        recompute: whether to recompute activations for the gradients, to fit long clips.
        checkpoint_steps: optimizer steps between checkpoints, validations and log lines.
        augment: whether to augment clips, or the ranges (`make_dataset`). The paper only resizes
            them.
        percent: percentage of the training videos, chosen by name (Table 4 of the paper); larger
            selections contain the smaller ones.
        min_object: smallest object in the first frame of a clip, as a fraction of the frame.
        max_step: largest mean distance between a clip's frames, in annotated frames.
        objects: number of objects per clip, see `make_dataset`.
        rough_masks: whether the model learns to find the mask of a frame from a rough one, see
            `make_dataset`.
        remember_every: for a model with a memory: its `remember_every` during training, so that
            short clips fill the memory, and in validation, whose clips are as short. The saved
            model keeps its own. None: unchanged in training.
        frozen: parts of the model that are not trained: `"initializer"`, `"encoder"`,
            `"conv_lstm"`, `"decoder"`, `"memory"`, `"initializer.backbone"`,
            `"encoder.backbone"`. They need weights to start from.
        train_backbone_from: stride (2, 4, 8, 16 or 32) from which the stages of an otherwise frozen
            EfficientNet-Lite0 are trained, at a tenth of the learning rate; None to keep it frozen.
        seed: seed of the initial weights and of the clips.
    """

    model: S2SConfig | None
    stages: tuple[Stage, ...]
    weights: str | None = None
    backbone_weights: str | None = None
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
    checkpoint_steps: int = 200
    augment: bool | Augmentation = False
    percent: float = 100.0
    min_object: float = MIN_OBJECT
    max_step: int = MAX_STEP
    objects: int = 1
    rough_masks: bool = False
    remember_every: int | None = None
    frozen: tuple[str, ...] = ()
    train_backbone_from: int | None = None
    seed: int = 0

    def __post_init__(self):
        check_choices(vars(self), _CHOICES)
        if not set(self.frozen) <= set(_PARTS):
            raise ValueError(f"frozen must be among {', '.join(_PARTS)}. Received: {self.frozen}")
        if self.train_backbone_from not in (None, 2, 4, 8, 16, 32):
            raise ValueError(
                "train_backbone_from must be None, 2, 4, 8, 16 or 32. "
                f"Received: {self.train_backbone_from}"
            )
        if self.train_backbone_from is not None and "encoder" in self.frozen:
            raise ValueError('train_backbone_from cannot be combined with frozen="encoder"')
        if self.objects > 1 and any(stage.teacher_forcing for stage in self.stages):
            raise ValueError(f"teacher_forcing needs objects=1. Received: objects={self.objects}")
        if self.rough_masks and (self.objects > 1 or any(s.teacher_forcing for s in self.stages)):
            raise ValueError("rough_masks needs objects=1 and no teacher_forcing")
        if not self.stages:
            raise ValueError("a recipe needs at least one stage")

    @property
    def clips_per_step(self) -> int:
        """Clips per optimizer step."""
        return self.batch_size * self.accumulate
