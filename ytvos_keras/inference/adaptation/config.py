"""How a model is adapted to a video."""

from dataclasses import dataclass, field, replace

from ytvos_keras.errors import check_choices

_CHOICES = {
    "examples": ("affine", "scenes"),
    "loss": ("cross-entropy", "lite"),  # `LOSSES`, which would import TensorFlow here
    "precision": (None, "float32", "mixed_bfloat16"),
}
_PARTS = ("initializer", "encoder", "decoder", "memory")


@dataclass(frozen=True)
class AffineRanges:
    """Ranges of the random affine maps. They are uniform, and that of the scale in its log.

    Args:
        rotation: largest turn in radians.
        scale: largest enlargement, and its inverse the largest reduction.
        stretch: largest log of the ratio of width and height.
        shear: largest shear.
        translation: largest shift, in shares of the frame's sides.
        flip: share of the examples that are mirrored left to right, all their frames alike.
    """

    rotation: float = 0.26
    scale: float = 1.25
    stretch: float = 0.1
    shear: float = 0.1
    translation: float = 0.15
    flip: float = 0.5


@dataclass(frozen=True)
class SceneRanges:
    """What scenes are made of; the rest is as in training (`SyntheticConfig`).

    Args:
        whole: share of clips in which the whole frame moves and bends, so that the object has all
            others in their places around it; in the rest of the clips the object is cut out and
            moves before the background, and up to two other objects do so beside it.
        passes: share of the clips with another object in which that one passes over the object.
        area: least and largest area of the object, relative to that in the frame.
        colours: strength of the changes of colour, 1 as in training.
    """

    whole: float = 0.7
    passes: float = 0.1
    area: tuple[float, float] = (0.5, 1.8)
    colours: float = 0.2


@dataclass(frozen=True)
class OnlineLearningConfig:
    """Every choice of online learning.

    The defaults are the paper's as far as it states them: pairs by affine maps, cross-entropy,
    Initializer, Encoder and Decoder trained. It states neither optimizer, rate nor number of steps
    of online learning: the defaults are plain Adam at the rate of offline training, and 100 steps.
    The ConvLSTM is never trained: it "models long-term spatial-temporal dependency that should be
    independent of object categories" (section 4.3). Frozen backbones stay frozen.

    Args:
        examples: `"affine"`: the first frame and mask under random affine maps, one a frame;
            `"scenes"`: clips in which the objects of the first frame are cut out and move, bend and
            cover each other before what is left of it, as in the model's training from pictures.
        steps: steps of Adam for each object, if nothing ends the learning before. The objects are
            learned in turn.
        learning_rate: of Adam, at the start.
        final_rate: the learning rate at the end, as a share of that at the start; it falls along a
            cosine. 1: it is constant.
        clip_norm: largest global norm of the gradient; None: no clipping.
        batch_size: examples a step, each of one object.
        clip_length: frames of an example, the first one included; 2 makes pairs.
        parts: which parts learn: `"initializer"`, `"encoder"`, `"decoder"`, and `"memory"` of a
            model that has one.
        cached_clips: None: every example is new. A number: so many examples of each object are
            made, the Encoder's backbone looks at them once, and only what follows it is trained.
        cut_objects: whether objects are learned that reach the border of the frame. The mask of
            such an object shows a part of it, and what is learned from it is that the rest, which
            may come into view, is not the object. They are still what others are told from.
        scale: side of the examples' frames, relative to the working size.
        loss: `"cross-entropy"` (equation 5) or `"lite"` (see `LiteLoss`).
        precision: Keras dtype policy while learning; None: the model's own.
        time_limit: seconds after which the learning ends; compiling counts. None: no limit.
        seed: of the examples. The same seed, model, frame and masks give the same weights.
        affine: ranges of the affine maps.
        scenes: ranges of the scenes.

    Raises:
        ValueError: A choice that does not exist, or a number that makes no sense.
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
        check_choices(self, _CHOICES)
        if not self.parts or not set(self.parts) <= set(_PARTS):
            raise ValueError(
                f"parts must be some of {', '.join(_PARTS)}; the ConvLSTM stays as it is. "
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


_LIGHT = OnlineLearningConfig(
    examples="scenes",
    learning_rate=5e-4,
    final_rate=0.1,
    clip_norm=1.0,  # as in the light recipe: one odd example must not undo the others
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
"""Settings by name: the paper's as far as it states them, and two for `s2s-lite`, which learn from
smaller frames: `"full"` from new scenes all the time, `"cheap"` from a few, at which the backbone
looks once."""
