"""Training clips made from single images: a target, a background and other objects."""

import tensorflow as tf

from ytvos_keras.data.appearance import film, recolour
from ytvos_keras.data.augmentation import SyntheticConfig
from ytvos_keras.data.bend import random_bend
from ytvos_keras.data.cutout import Layer, Measure, aim, cut_out, measure, whole
from ytvos_keras.data.draws import Draws
from ytvos_keras.data.motion import (
    Pose,
    covering_pose,
    crossing_pose,
    leaving_pose,
    passing_pose,
    random_pose,
    source_positions,
)
from ytvos_keras.data.picture_scene import OTHERS, Scene
from ytvos_keras.data.warp import warp

_PICTURE, _MASK = tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((None, None), tf.bool)
SCENE_SPECS = Scene(
    _PICTURE, _MASK, _PICTURE, (_PICTURE,) * OTHERS, (_MASK,) * OTHERS, tf.TensorSpec((), tf.bool)
)
"""Specs of any scene; its images may have any size."""


def synthetic_clip(
    pictures: Scene,
    draws: Draws,
    length: int | tf.Tensor,
    size: tuple[int, int],
    config: SyntheticConfig,
    objects: int = 1,
) -> dict[str, tf.Tensor]:
    """Make a clip of an object from a single image.

    Args:
        pictures: the image with the target, its background and the further objects.
        draws: source of randomness.
        length: number of frames, at least 2: int or int32 scalar.
        size: height and width of the frames in pixels.
        config: ranges.
        objects: masks of the clip (N): the target's, and those of the further objects that are
            visible in frame 0.

    Returns:
        `"frames"`: uint8 (length, height, width, 3); `"mask"`: uint8 (length, height, width, N),
        1 where an object is seen, 0 elsewhere. The target is visible in frame 0.
    """
    scene = _Scene(draws, length, size, config)
    back, target, pose, extent = scene.stage(pictures)
    others = [
        scene.other(image, mask, pose, extent, pictures.passes if k == 0 else tf.constant(False))
        for k, (image, mask) in enumerate(zip(pictures.images, pictures.masks, strict=True))
    ]
    planes, visible = _compose(back, target, others, size, config.min_visible)
    frames = tf.ensure_shape(film(draws, planes, size, config.appearance), (None, *size, 3))
    # (frames, height, width, 1 + others)
    masks = tf.cast(tf.stack(visible, axis=-1) >= 0.5, tf.uint8)
    masks = _objects(masks, objects, config.min_visible)
    flipped = draws.coin(config.flip) > 0
    return {
        "frames": tf.where(flipped, tf.reverse(frames, [2]), frames),
        "mask": tf.where(flipped, tf.reverse(masks, [2]), masks),
    }


class _Scene:
    """The parts of a clip. Planes are float32 (4, frames, height, width): RGB and alpha, 0-255."""

    def __init__(self, draws, length, size, config):
        self.draws, self.config = draws, config
        self.length, self.size = length, size
        self.frame = tf.constant([size[1], size[0]], tf.float32)

    def stage(self, pictures: Scene):
        """Planes of the background and of the target, the target's pose and extent in pixels."""
        image, mask = pictures.image, pictures.mask
        measured = measure(mask)
        scale = self._object_scale(measured, self.config.mask_share)
        # One stream for each branch: both are traced, and they make different numbers of draws.
        for_whole, for_pasted = self.draws.fork(), self.draws.fork()
        return tf.cond(
            tf.size(pictures.background) == 0,
            lambda: self._whole(for_whole, image, mask, measured, scale),
            lambda: self._pasted(for_pasted, pictures, measured, scale),
        )

    def _whole(self, draws, image, mask, measured: Measure, scale):
        shape = tf.cast(tf.reverse(tf.shape(mask), [0]), tf.float32)
        # A whole image must cover the frame, with room to move.
        scale = tf.maximum(scale, tf.reduce_max(self.frame / shape) * draws.uniform((), 1.05, 1.4))
        layer = whole(image, mask, scale, measured)
        start = self._start(draws, layer, 0.9)
        start = aim(draws, start, mask, measured.centre, scale, self.frame)
        start = tf.clip_by_value(
            start, self.frame - (shape - measured.centre) * scale, measured.centre * scale
        )
        pose = random_pose(draws, start, self.length, self.size, self.config.picture)
        pose = covering_pose(pose, measured.centre, shape, scale, self.size)
        planes = self._move(draws, layer, pose, self.config.picture, "reflect")
        # The image is its own background, and its alpha the target's mask.
        return planes, planes, pose, layer.extent

    def _pasted(self, draws, pictures: Scene, measured: Measure, scale):
        layer = cut_out(pictures.image, pictures.mask, measured, scale)
        layer = layer._replace(
            image=recolour(draws, layer.image, self.config.appearance, strength=0.5)
        )
        start = self._start(draws, layer, draws.uniform((), 0.6, 1.0))
        pose = random_pose(draws, start, self.length, self.size, self.config.target)
        # An object that an occluder passes over stays.
        left = self._leave(draws, pose, layer)
        pose = pose._replace(centre=tf.where(pictures.passes, pose.centre, left.centre))
        planes = self._move(draws, layer, pose, self.config.target, "clamp")
        return self._background(draws, pictures.background), planes, pose, layer.extent

    def _background(self, draws, image):
        shape = tf.cast(tf.gather(tf.shape(image), (1, 0)), tf.float32)
        scale = tf.reduce_max(self.frame / shape) * draws.uniform((), 1.1, 1.9)
        layer = whole(image, tf.ones(tf.shape(image)[:2], tf.bool), scale)
        slack = shape * scale - self.frame
        start = self.frame / 2.0 + 0.4 * slack * draws.uniform((2,), -1.0, 1.0)
        pose = random_pose(draws, start, self.length, self.size, self.config.background)
        pose = covering_pose(pose, shape / 2.0, shape, scale, self.size)
        return self._move(draws, layer, pose, self.config.background, "reflect")

    def other(self, image, mask, target: Pose, extent, passes):
        """Planes of a further object and whether it is in front (1.0) or behind (0.0)."""
        if self.config.leave:  # others meet the target in the frame, not where it waits outside
            target = target._replace(centre=tf.clip_by_value(target.centre, 0.0, self.frame))
        draws = self.draws.fork()
        front = self.draws.coin(self.config.in_front)
        planes = tf.cond(
            tf.size(mask) > 0,
            lambda: self._other(draws, image, mask, target, extent, passes),
            lambda: tf.zeros([4, self.length, *self.size]),
        )
        return planes, tf.where(passes, 1.0, front)

    def _other(self, draws, image, mask, target: Pose, extent, passes):
        measured = measure(mask)
        # Large enough to hide the target when it passes.
        covering = 1.25 * tf.reduce_max(extent / measured.extent)
        scale = tf.where(
            passes,
            tf.minimum(covering, 2.0 * self.config.max_enlargement),
            self._object_scale(measured, self.config.mask_share, draws),
        )
        layer = cut_out(image, mask, measured, scale)
        image = recolour(draws, layer.image, self.config.appearance, strength=1.0)
        image = tf.cond(draws.coin(0.5) > 0, lambda: tf.reverse(image, [1]), lambda: image)
        layer = layer._replace(image=image)
        start = self._start(draws, layer, 0.5)
        free = random_pose(draws, start, self.length, self.size, self.config.target)
        if self.config.cross:
            free = crossing_pose(draws, free, target, self.config.cross)
        free = self._leave(draws, free, layer)
        # Slightly more than half of both: where they stop touching.
        reach = 0.6 * tf.reduce_mean(extent + layer.extent)
        passing = passing_pose(draws, target.centre, reach, self.length)
        pose = Pose(*(tf.where(passes, a, b) for a, b in zip(passing, free, strict=True)))
        return self._move(draws, layer, pose, self.config.target, "clamp")

    def _object_scale(self, measured: Measure, share: tuple[float, float], draws=None):
        """Enlargement that gives the object a random share of the frame."""
        draws = draws or self.draws
        area = draws.log_uniform((), *share) * self.size[0] * self.size[1]
        fits = tf.reduce_min(0.95 * self.frame / measured.extent)
        scale = tf.minimum(tf.sqrt(area / measured.area), fits)
        return tf.minimum(scale, self.config.max_enlargement)

    def _start(self, draws, layer: Layer, inside):
        """A centre that keeps the share `inside` of the object's half width in the frame."""
        margin = tf.minimum(inside * layer.extent / 2.0, self.frame / 2.0)
        return margin + draws.uniform((2,)) * (self.frame - 2.0 * margin)

    def _leave(self, draws, pose: Pose, layer: Layer) -> Pose:
        if not self.config.leave:  # no draws, so that clips of such configs stay the same
            return pose
        return leaving_pose(draws, pose, layer.extent, self.size, self.config.leave)

    def _move(self, draws, layer: Layer, pose: Pose, config, border: str):
        bend = random_bend(draws, self.length, layer.radius, config)
        positions = source_positions(pose, layer.origin, layer.scale, bend, self.size)
        planes = tf.ensure_shape(warp(layer.image, positions, border), [4, None, *self.size])
        if border == "reflect":
            # The mirror image of an object does not belong to its mask.
            corner = tf.cast(tf.reverse(tf.shape(layer.image)[:2], [0]), tf.float32)
            within = (
                tf.abs(positions - corner[:, None, None] / 2.0 + 0.5) <= corner[:, None, None] / 2.0
            )
            alpha = planes[3] * tf.cast(tf.reduce_all(within, axis=1), tf.float32)
            planes = tf.concat([planes[:3], alpha[None]], axis=0)
        return planes


def _compose(back, target, others, size, min_visible):
    """Composite the planes, from back to front.

    Returns:
        RGB float32 (3, frames, height, width), and the shares of the target and of each other
        object in every pixel, (frames, height, width), 0-1.
    """
    alpha = target[3] / 255.0
    fronts = [planes[3] / 255.0 * front for planes, front in others]
    whole_area = tf.reduce_sum(alpha[0])
    # Decided in frame 0 for the whole clip, so that no object vanishes in the middle.
    area = tf.reduce_sum(alpha[0] * tf.reduce_prod([1.0 - front[0] for front in fronts], axis=0))
    least = tf.maximum(min_visible * size[0] * size[1], 0.4 * whole_area)
    shown = tf.cast(area >= least, tf.float32)
    # From the back: number of the object, RGB, alpha. An object is either behind or in front.
    layers = [(k, p[:3], p[3] / 255.0 * (1.0 - front)) for k, (p, front) in enumerate(others, 1)]
    layers.append((0, target[:3], alpha))
    layers += [
        (k, planes[:3], front * shown)
        for k, ((planes, _), front) in enumerate(zip(others, fronts, strict=True), 1)
    ]
    rgb = back[:3]
    visible = [tf.zeros_like(alpha) for _ in range(1 + len(others))]
    for k, colour, opaque in layers:
        rgb = _lay(rgb, colour, opaque)
        visible = [share * (1.0 - opaque) for share in visible]
        visible[k] += opaque
    return rgb, visible


def _objects(masks, count, min_visible):
    """The masks of the target and of `count` - 1 others; 0 for those barely seen in frame 0."""
    area = tf.reduce_mean(tf.cast(masks[0], tf.float32), axis=(0, 1))
    known = tf.concat([[True], area[1:] >= min_visible], axis=0)
    masks = tf.where(known, masks, 0)
    # Known objects first, otherwise in the same order.
    order = tf.argsort(tf.cast(known, tf.int32), direction="DESCENDING", stable=True)
    missing = max(count - masks.shape[-1], 0)
    return tf.pad(tf.gather(masks, order, axis=-1), [(0, 0)] * 3 + [(0, missing)])[..., :count]


def _lay(below, above, alpha):
    # A slightly smaller, steeper edge hides the seam of the old background.
    return below + tf.clip_by_value(1.5 * alpha - 0.35, 0.0, 1.0) * (above - below)
