"""Configuration of online learning."""

from dataclasses import dataclass, field, replace

from ytvos_keras.errors import InputError, check_choices

_CHOICES = {
    "examples": ("affine", "scenes"),
    "loss": ("cross-entropy", "lite"),  # the keys of `LOSSES`, whose import would load TensorFlow
    "precision": (None, "float32", "mixed_bfloat16"),
}
_PARTS = ("initializer", "encoder", "decoder", "memory")


@dataclass(frozen=True)
class AffineRanges:
    """Ranges of the random affine maps; uniform, except for the scale, which is log-uniform.

    Args:
        rotation: largest rotation in radians.
        scale: largest enlargement; its inverse is the largest reduction.
        stretch: largest log of the ratio of width and height.
        shear: largest shear.
        translation: largest shift, as a fraction of the frame's sides.
        flip: fraction of the examples that are mirrored left to right as a whole.
    """

    rotation: float = 0.26
    scale: float = 1.25
    stretch: float = 0.1
    shear: float = 0.1
    translation: float = 0.15
    flip: float = 0.5


@dataclass(frozen=True)
class SceneRanges:
    """Ranges of scenes; other settings are those of training (`SyntheticConfig`).

    Args:
        whole: fraction of clips in which the whole frame moves and bends, so that the object keeps
            its surroundings; in the others, the object and up to two other ones are cut out and
            move over the background.
        passes: of the clips with another object, the fraction in which it occludes the object.
        area: smallest and largest area of the object, relative to that in the frame.
        colours: strength of colour changes; 1 as in training.
    """

    whole: float = 0.7
    passes: float = 0.1
    area: tuple[float, float] = (0.5, 1.8)
    colours: float = 0.2


@dataclass(frozen=True)
class OnlineLearningConfig:
    """Settings of online learning.

    The defaults follow the paper: pairs by affine maps, cross-entropy, and training of Initializer,
    Encoder and Decoder. The paper states no optimizer, learning rate or number of steps; the
    defaults are plain Adam at the rate of offline training, and 100 steps. The ConvLSTM is never
    trained: it "models long-term spatial-temporal dependency that should be independent of object
    categories" (section 4.3). Frozen backbones stay frozen.

    Args:
        examples: `"affine"`: the first frame and mask under random affine maps, one per frame;
            `"scenes"`: clips in which the objects of the first frame are cut out and move, bend and
            occlude each other over its inpainted background, as in training from images.
        steps: largest number of Adam steps per object. The objects take turns.
        learning_rate: initial learning rate of Adam.
        final_rate: final learning rate as a fraction of the initial one, with cosine decay; 1 for a
            constant rate.
        clip_norm: largest global norm of the gradient; None: no clipping.
        batch_size: examples per step, each of one object.
        clip_length: frames per example, including the first; 2 makes pairs.
        parts: parts to train: `"initializer"`, `"encoder"`, `"decoder"`, and `"memory"` if the
            model has one.
        cached_clips: None for a new example in every step, or a number N to make only N examples
            per object, run the Encoder's backbone once on each, and train only later layers.
        cut_objects: whether to learn objects that reach the border of the frame. The mask shows
            only a part of such an object, so the model would learn that the rest, which may come
            into view, is background. They still serve as distractors for other objects.
        scale: side of the examples' frames, relative to the working size.
        loss: `"cross-entropy"` (equation 5) or `"lite"` (see `LiteLoss`).
        precision: Keras dtype policy for learning; None for the model's own.
        time_limit: time limit in seconds, including compilation; None for no limit.
        seed: seed of the examples. The same seed, model, frame and masks give the same weights.
        affine: ranges of the affine maps.
        scenes: ranges of the scenes.

    Raises:
        ValueError: A value is not one of the choices, or out of range.
    """

    examples: str = "affine"
    steps: int = 100
    learning_rate: float = 1e-5
    final_rate: float = 1.0
    clip_norm: float | None = None
    batch_size: int = 1
    clip_length: int = 2
    parts: tuple[str, ...] = ("initializer", "encoder", "decoder")
    cached_clips: int | None = None
    cut_objects: bool = True
    scale: float = 1.0
    loss: str = "cross-entropy"
    precision: str | None = None
    time_limit: float | None = None
    seed: int = 0
    affine: AffineRanges = field(default_factory=AffineRanges)
    scenes: SceneRanges = field(default_factory=SceneRanges)

    def __post_init__(self):
        check_choices(vars(self), _CHOICES)
        if not self.parts or not set(self.parts) <= set(_PARTS):
            raise ValueError(
                f"parts must be among {', '.join(_PARTS)}; the ConvLSTM is never trained. "
                f"Received: {self.parts!r}"
            )
        least = {"steps": 1, "batch_size": 1, "clip_length": 2, "cached_clips": 1}
        for name, value in least.items():
            if getattr(self, name) is not None and getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}. Received: {getattr(self, name)}"
                )
        for name in ("learning_rate", "final_rate", "clip_norm", "scale", "time_limit"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0. Received: {getattr(self, name)}")
        if self.cached_clips is not None and self.cached_clips < self.batch_size:
            raise ValueError(
                "cached_clips must be at least batch_size. "
                f"Received: {self.cached_clips}, {self.batch_size}"
            )

    def check_precision(self, model_precision: str) -> None:
        """Check the precision of learning, which is that of the model unless `precision` is given.

        Raises:
            InputError: It is float16.
        """
        if "float16" in (self.precision or model_precision).split("_"):  # not bfloat16
            raise InputError(
                "online learning does not scale its loss, which mixed_float16 needs; use "
                "mixed_bfloat16, or set OnlineLearningConfig.precision"
            )


_LIGHT = OnlineLearningConfig(
    examples="scenes",
    learning_rate=5e-4,
    final_rate=0.1,
    clip_norm=1.0,  # as in the light recipe: a single outlier must not undo other examples
    clip_length=4,
    cut_objects=False,
    scale=0.75,
    loss="lite",
)

ONLINE_LEARNING = {
    "paper": OnlineLearningConfig(),
    # Beyond the paper, for a light model with a memory, such as the bundled one.
    "full": replace(_LIGHT, steps=100),
    "cheap": replace(_LIGHT, steps=40, cached_clips=24, parts=("encoder", "decoder")),
}
"""Settings by name: the paper's as far as it states them, and two for `s2s-lite` that learn from
smaller frames: `"full"` from a new scene in every step, `"cheap"` from a few scenes whose backbone
features are cached."""
