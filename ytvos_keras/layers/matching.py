"""Reading a remembered frame by correspondence."""

import math

import keras
from keras import ops

# Larger than any difference of two cosines: it takes a place out of a maximum.
_EXCLUDED = 2.0
# Rows are matched in so many bands: products of all places with all places would take the memory.
_BANDS = 4


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
        Keys are of length 1 along their last axis; H is a multiple of 4.

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
        k, v = _flatten_places(key), _flatten_places(value)
        k, mask = ops.transpose(k, (0, 2, 1)), ops.transpose(v[..., -1:], (0, 2, 1))
        queries = ops.split(query, _BANDS, axis=1)
        penalties = self._distance_penalties(*ops.shape(query)[1:3])
        bands = [
            self._match(q, k, v, mask, penalty)
            for q, penalty in zip(queries, penalties, strict=True)
        ]
        return ops.concatenate(bands, axis=1)

    def _match(self, query, key, value, mask, penalty):
        """Matches a band of rows: keys `(B, K, places)`, values `(B, places, V)`."""
        height, width = ops.shape(query)[1:3]
        cosine = ops.matmul(_flatten_places(query), key)  # (B, places of the band, places)
        logits = ops.exp(self.log_temperature) * cosine
        if penalty is not None:
            logits = logits - penalty
        read = ops.matmul(ops.softmax(logits, axis=-1), value)
        cosine = ops.stop_gradient(cosine)  # keys learn from what is read
        to_object = ops.max(cosine - _EXCLUDED * (1 - mask), axis=-1, keepdims=True)
        to_background = ops.max(cosine - _EXCLUDED * mask, axis=-1, keepdims=True)
        out = ops.concatenate([read, to_object, to_background], axis=-1)
        return ops.reshape(out, (-1, height, width, out.shape[-1]))

    def compute_output_shape(self, query_shape, key_shape, value_shape):
        return (*key_shape[:3], value_shape[-1] + 2)

    def get_config(self):
        return {**super().get_config(), "local": self.local}

    def _distance_penalties(self, height, width):
        """Squared distance ÷ (2 · width²) of each band's places to all: (places, places) each."""
        if not self.local:
            return [None] * _BANDS

        def squared_differences(n):
            x = ops.cast(ops.arange(n), "float32")
            return ops.square(x[:, None] - x[None, :])

        places = height * width
        scale = 2 * ops.cast(places, "float32") * ops.exp(2 * ops.cast(self.log_width, "float32"))
        columns = squared_differences(width)[None, :, None, :]
        return [
            ops.cast(
                ops.reshape(rows[:, None, :, None] + columns, (-1, places)) / scale,
                self.compute_dtype,
            )
            for rows in ops.split(squared_differences(height), _BANDS, axis=0)
        ]


def _flatten_places(x):
    """(B, H, W, C) to (B, H·W, C)."""
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))
