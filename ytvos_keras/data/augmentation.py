"""Augmentation settings."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MotionConfig:
    """Ranges of a layer's motion.

    Deviations are standard deviations of normal distributions, per frame, at speed 1.

    Args:
        translation: deviation of the velocity, relative to the frame's mean side.
        rotation: deviation of the angular velocity, in radians.
        scale: deviation of the rate of log scale.
        stretch: deviation of the rate of the log ratio of width and height (turning objects).
        shear: deviation of the rate of shear.
        speed: deviation of the log of a factor on all velocities of a clip.
        still: fraction of clips in which the layer does not move.
        jump: fraction of clips with a large jump right after the reference frame; of the others, a
            third of this fraction jump at a random frame.
        jump_translation, jump_rotation, jump_scale: deviations of the jump, in the units above.
        elastic: largest gradient of the waves that bend the layer, 0-1.
        limbs: largest gradient of the two local pushes that move parts of it, 0-1.
    """

    translation: float = 0.035
    rotation: float = 0.055
    scale: float = 0.035
    stretch: float = 0.025
    shear: float = 0.02
    speed: float = 0.7
    still: float = 0.05
    jump: float = 0.4
    jump_translation: float = 0.14
    jump_rotation: float = 0.3
    jump_scale: float = 0.18
    elastic: float = 0.35
    limbs: float = 0.55


@dataclass(frozen=True)
class AppearanceConfig:
    """Colour augmentation; fractions refer to clips.

    Args:
        brightness: largest shift, as a fraction of 255.
        contrast, saturation: largest change of the factor, around 1.
        hue: largest rotation of the hue, in radians.
        drift: additional change by the end of the clip, relative to the above.
        shading: deviation of smooth shading over the frame, around 1.
        grey: fraction converted to grey.
        blur: fraction in which some frames are out of focus or motion-blurred.
        noise: fraction with sensor noise.
        jpeg: fraction with JPEG artifacts.
    """

    brightness: float = 0.12
    contrast: float = 0.25
    saturation: float = 0.4
    hue: float = 0.25
    drift: float = 0.3
    shading: float = 0.08
    grey: float = 0.04
    blur: float = 0.35
    noise: float = 0.25
    jpeg: float = 0.3


@dataclass(frozen=True)
class SyntheticConfig:
    """Settings for clips synthesized from single images.

    Args:
        whole_picture: fraction of clips in which the whole image moves; in the others the object
            is cut out and moves over another image.
        max_whole_share: an object that covers a larger fraction of its image is always cut out.
        flip: share of clips mirrored left to right.
        mask_share: area of the object in frame 0, as a fraction of the frame (log-uniform).
        max_enlargement: largest factor by which an image is enlarged.
        distractors: fractions of clips with none, one and two further objects.
        copies: fraction of these objects that are recoloured copies of the target.
        in_front: fraction of these objects that are in front of the target.
        disappear: fraction of clips in which an occluder passes over the target.
        leave: fraction of objects that leave the frame for one to three frames and come back
            elsewhere; not those that move with their whole image.
        cross: fraction of further objects whose path crosses the target's.
        min_visible: smallest visible area of the object in frame 0, as a fraction of the frame; if
            less is visible, the objects in front are removed from the clip.
        target, background, picture: motion of the object, of the image behind it, and of an
            image that moves as a whole.
        appearance: colour, blur, noise.
    """

    whole_picture: float = 0.35
    max_whole_share: float = 0.4
    flip: float = 0.5
    mask_share: tuple[float, float] = (0.008, 0.3)
    max_enlargement: float = 3.0
    distractors: tuple[float, float, float] = (0.4, 0.35, 0.25)
    copies: float = 0.33
    in_front: float = 0.5
    disappear: float = 0.1
    leave: float = 0.0
    cross: float = 0.0
    min_visible: float = 0.003
    target: MotionConfig = field(default_factory=MotionConfig)
    background: MotionConfig = field(
        default_factory=lambda: MotionConfig(
            translation=0.02, rotation=0.02, scale=0.02, stretch=0.005, shear=0.005,
            still=0.3, jump=0.25, jump_translation=0.07, jump_rotation=0.08, jump_scale=0.07,
            elastic=0.12, limbs=0.0,
        )
    )  # fmt: skip
    picture: MotionConfig = field(
        default_factory=lambda: MotionConfig(
            translation=0.03, rotation=0.035, scale=0.03, stretch=0.015, shear=0.015,
            jump_translation=0.09, jump_rotation=0.12, jump_scale=0.08, elastic=0.25, limbs=0.5,
        )
    )  # fmt: skip
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)


@dataclass(frozen=True)
class VideoConfig:
    """Augmentation of real videos, the same for all frames and masks of a clip.

    Args:
        flip: share of clips mirrored left to right.
        backward: fraction of clips played backward, of those whose last frame shows enough of the
            object to start with.
        uneven: fraction of clips with a few long gaps between their frames and otherwise
            consecutive frames, of those that draw annotated frames only.
        zoom: largest enlargement; 1 shows as much of the video as the aspect ratio allows, which is
            nearly the case in more than half of the clips. It is limited so that the object of the
            first frame fits.
        stretch: largest change of the log of width over height.
        turned: fraction of clips that are rotated and sheared.
        rotation: largest rotation in radians.
        shear: largest shear.
        coloured: fraction of clips whose colours change.
        brightness: largest shift, as a fraction of 255.
        contrast, saturation: largest change of the factor, around 1.
        hue: largest rotation of the hue, in radians.
        grey: fraction of these clips that are converted to grey.
    """

    flip: float = 0.5
    backward: float = 0.4
    uneven: float = 0.0
    zoom: float = 1.5
    stretch: float = 0.15
    turned: float = 0.1
    rotation: float = 0.25
    shear: float = 0.15
    coloured: float = 0.5
    brightness: float = 0.12
    contrast: float = 0.25
    saturation: float = 0.4
    hue: float = 0.25
    grey: float = 0.06


@dataclass(frozen=True)
class Augmentation:
    """Augmentation settings for videos and for single images.

    Args:
        videos: for clips cut from videos.
        pictures: for clips made from single images.
    """

    videos: VideoConfig = field(default_factory=VideoConfig)
    pictures: SyntheticConfig = field(default_factory=SyntheticConfig)


@dataclass(frozen=True)
class TeacherForcing:
    """Schedule and corruption of teacher forcing.

    The model sees the true previous mask with a probability that falls over the clips, otherwise
    its own prediction.

    Args:
        clips: number of clips over which the probability falls linearly to 0.
        held: number of clips before that, with probability 1.
        corruption: fraction of clips whose true previous masks get errors like a model's.
    """

    clips: int = 2000
    held: int = 0
    corruption: float = 0.25
