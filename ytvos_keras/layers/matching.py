"""Reading a remembered frame by correspondence."""

import math

import keras
from keras import ops

# Larger than any difference of two cosines: it takes a place out of a maximum.
_EXCLUDED = 2.0


@keras.saving.register_keras_serializable("ytvos_keras")
class Matching(keras.layers.Layer):
    """Looks up, for every place of a new frame, what a remembered frame held at places like it.

    Not in the paper: the departure of `s2s-lite` that matters most. Keys are compared by cosine
    with a learned temperature; the softmax over the places of the remembered frame weighs its
    values. Beside the weighted value a place gets its largest cosine to any place of the object
    and to any place of the background.

    Args:
        local: Whether near places are preferred, by a learned Gaussian of the distance. Meant
            for the previous frame; the first frame is matched globally.

    Call arguments:
        query: Keys of the new frame.
        key: Keys of the remembered frame.
        value: What is remembered; its last channel is the soft mask of the object in [0, 1].

    Input shape:
        `query`: `(B or 1, H, W, K)`; `key`: `(B, H, W, K)`; `value`: `(B, H, W, V)`.
        Keys are of length 1 along their last axis.

    Output shape:
        `(B, H, W, V + 2)`.

    References:
        - Oh et al., Space-Time Memory Networks, 2019; Voigtlaender et al., FEELVOS, 2019.
    """

    def __init__(self, local: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.local = local

    def build(self, query_shape, key_shape=None, value_shape=None):
        constant = keras.initializers.Constant
        self.log_temperature = self.add_weight(
            name="log_temperature", shape=(), initializer=constant(math.log(10.0))
        )
        if self.local:
            # The width is a fraction of the frame's side, so that it holds at every resolution.
            self.log_width = self.add_weight(
                name="log_width", shape=(), initializer=constant(math.log(0.15))
            )

    def call(self, query, key, value):
        height, width = ops.shape(query)[1:3]
        q, k, v = (_flatten_places(x) for x in (query, key, value))
        cosine = ops.matmul(q, ops.transpose(k, (0, 2, 1)))  # (B, places, remembered places)
        logits = ops.exp(self.log_temperature) * cosine
        if self.local:
            logits = logits - self._distance_penalty(height, width)
        read = ops.matmul(ops.softmax(logits, axis=-1), v)
        mask = ops.transpose(v[..., -1:], (0, 2, 1))  # (B, 1, remembered places)
        cosine = ops.stop_gradient(cosine)  # keys learn from what is read
        to_object = ops.max(cosine - _EXCLUDED * (1 - mask), axis=-1, keepdims=True)
        to_background = ops.max(cosine - _EXCLUDED * mask, axis=-1, keepdims=True)
        out = ops.concatenate([read, to_object, to_background], axis=-1)
        return ops.reshape(out, (-1, height, width, out.shape[-1]))

    def compute_output_shape(self, query_shape, key_shape, value_shape):
        return (*key_shape[:3], value_shape[-1] + 2)

    def get_config(self):
        return {**super().get_config(), "local": self.local}

    def _distance_penalty(self, height, width):
        """Squared distance between all pairs of places ÷ (2 · width²): (places, places)."""

        def squared_differences(n):
            x = ops.cast(ops.arange(n), "float32")
            return ops.square(x[:, None] - x[None, :])

        rows, columns = squared_differences(height), squared_differences(width)
        places = height * width
        distance = rows[:, None, :, None] + columns[None, :, None, :]
        scale = 2 * ops.cast(places, "float32") * ops.exp(2 * ops.cast(self.log_width, "float32"))
        return ops.cast(ops.reshape(distance, (places, places)) / scale, self.compute_dtype)


def _flatten_places(x):
    """(B, H, W, C) to (B, H·W, C)."""
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))
