"""Answers averaged over a frame and its mirror image."""

import tensorflow as tf

from ytvos_keras.layers.resolution import pad_to_stride

_PREFIX = "mirrored_"

Tensors = dict[str, tf.Tensor]


class MirrorAveraged:
    """A model that sees every frame twice, the second time with left and right exchanged.

    Each view has a state of its own; the probabilities are the mean of both. It costs twice the
    time and memory. Has the streaming interface of an `S2S`, whose `encode`, `initialize` and
    `step_features` say what the arguments are.

    Args:
        model: an `S2S`, or anything with these three functions and a `stride`.
    """

    def __init__(self, model):
        self.model = model

    def encode(self, frames: tf.Tensor) -> Tensors:
        """Features of both views."""
        frames = pad_to_stride(frames, self.model.stride)  # so that the views' padding is one
        return _join(self.model.encode(frames), self.model.encode(_mirror(frames)))

    def initialize(self, frame: tf.Tensor, mask: tf.Tensor, features: Tensors) -> Tensors:
        """States of both views."""
        frame = pad_to_stride(frame, self.model.stride)
        mask = pad_to_stride(mask, self.model.stride)
        own, mirrored = _split(features)
        return _join(
            self.model.initialize(frame, mask, own),
            self.model.initialize(_mirror(frame), _mirror(mask), mirrored),
        )

    def step_features(self, features: Tensors, state: Tensors) -> tuple[tf.Tensor, Tensors]:
        """Mean probabilities, at the padded size, and the next states of both views."""
        views = zip(_split(features), _split(state), strict=True)
        (own, own_state), (mirrored, mirrored_state) = (
            self.model.step_features(*view) for view in views
        )
        return (own + _mirror(mirrored)) / 2, _join(own_state, mirrored_state)


def _mirror(images: tf.Tensor) -> tf.Tensor:
    return images[:, :, ::-1]


def _join(own: Tensors, mirrored: Tensors) -> Tensors:
    return own | {_PREFIX + name: tensor for name, tensor in mirrored.items()}


def _split(both: Tensors) -> tuple[Tensors, Tensors]:
    mirrored = {k.removeprefix(_PREFIX): t for k, t in both.items() if k.startswith(_PREFIX)}
    return {k: t for k, t in both.items() if not k.startswith(_PREFIX)}, mirrored
