"""Read from memory by correspondence."""

import math
from typing import Any, cast

import keras
from keras import ops

from ytvos_keras.layers.types import Config, Shape, Tensor

# Bands of rows are matched one by one: the full affinity matrix would not fit in memory.
# The number also fixes the neighbourhood of `local`: a band sees itself and the bands beside it.
_BANDS = 4
_EPSILON = 1e-20  # keeps logarithms of empty objects finite; far below any relevant weight


@keras.saving.register_keras_serializable("ytvos_keras")
class Matching(keras.layers.Layer):
    """For each place of a new frame, look up the values of similar remembered places.

    Not in the paper: the most important departure of `s2s-lite`. Keys are compared by cosine
    similarity with a learned temperature, and a softmax over all remembered places weights their
    values. Besides the weighted value, a place gets its soft maximum of the cosine (log-sum-exp at
    the same temperature) over the places of the object and over those of the background.

    Keys do not depend on the object. Where all objects remember the same places, which is the
    common case, cosines and softmax are computed once and only the values are read per object.

    Args:
        local: Whether to prefer nearby places, by a learned Gaussian of the distance, and to ignore
            those further away than a quarter of the frame's height. For the previous frame.

    Call arguments:
        query: Keys of the new frame.
        key: Keys of the remembered places.
        value: What is remembered; its last channel is the soft mask of the object in 0–1.
        filled: 1 for places that hold a memory, 0 for others; default: 1 everywhere.

    Input shape:
        `query`: `(B or 1, H, W, K)`, of length 1 along its last axis, with H a multiple of 4. With
        `local`, `key` and `value` are `(B, H, W, K)` and `(B, H, W, V)`; otherwise `(B, P, K)` and
        `(B, P, V)` for any number of places P, and `filled` is `(B, P)`.

    Output shape:
        `(B, H, W, V + 2)`.

    References:
        - Oh et al., Space-Time Memory Networks, 2019; Voigtlaender et al., FEELVOS, 2019.
    """

    def __init__(self, local: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.local = local

    def build(
        self,
        query_shape: Shape,
        key_shape: Shape | None = None,
        value_shape: Shape | None = None,
        filled_shape: Shape | None = None,
    ) -> None:
        constant = keras.initializers.Constant
        # A logarithm keeps it positive; at 10, opposite keys weigh e⁻²⁰ of equal ones.
        self.log_temperature = self.add_weight(
            name="log_temperature", shape=(), initializer=constant(math.log(10.0))
        )
        if self.local:
            # The width is a fraction of the frame's side, independent of the resolution.
            self.log_width = self.add_weight(
                name="log_width", shape=(), initializer=constant(math.log(0.15))
            )

    def call(
        self, query: Tensor, key: Tensor, value: Tensor, filled: Tensor | None = None
    ) -> Tensor:
        value = _with_filled(value, filled)
        same = _same_for_all(query, key)
        if same is None:
            # Each row has its own frame, or the number of frames is not known while tracing.
            sums = self._sums(query, key, value, shared=False)
        else:
            # Rows share their keys if their objects began, and were corrected, in the same frames.
            sums = ops.cond(
                same,
                lambda: self._sums(query, key, value, shared=True),
                lambda: self._sums(query, key, value, shared=False),
            )
        sums = ops.cast(sums, "float32")
        # The last two channels are the sums of the soft mask and of `filled`: of all weights.
        read, of_object, of_all = sums[..., :-1], sums[..., -2:-1], sums[..., -1:]
        # Keys learn from what is read.
        # (B, H·W, 2): weight on the object and on the background.
        masses = ops.stop_gradient(ops.concatenate([of_object, of_all - of_object], axis=-1))
        temperature = ops.stop_gradient(ops.exp(ops.cast(self.log_temperature, "float32")))
        # log-sum-exp at this temperature: the 1 makes up for the -1 in the exponent of the weights.
        # The difference above may round to less than 0.
        nearest = 1 + ops.log(ops.relu(masses) + _EPSILON) / temperature
        # Divided after the product with the values: the softmax itself is never stored.
        out = ops.concatenate([read / (of_all + _EPSILON), nearest], axis=-1)
        out = ops.reshape(out, (-1, *ops.shape(query)[1:3], out.shape[-1]))
        return ops.cast(out, self.compute_dtype)

    def _sums(self, query: Tensor, key: Tensor, value: Tensor, shared: bool) -> Tensor:
        """Sums of values over places, weighted by exp(t · (cosine - 1)), `(B, H·W, V + 1)`.

        The last channel of `value` is `filled`. If `shared`, all rows have the keys of the first.
        """
        bands = []
        for n, band in enumerate(ops.split(query, _BANDS, axis=1)):
            # (B or 1, H·W / 4, P)
            weights = self._weights(band, self._near(key[:1] if shared else key, n), n)
            near = self._near(value, n)
            bands.append(_matmul_shared(weights, near) if shared else ops.matmul(weights, near))
        return ops.concatenate(bands, axis=1)

    def _weights(self, band: Tensor, key: Tensor, number: int) -> Tensor:
        temperature = ops.exp(self.log_temperature)
        query = temperature * _flatten_places(band)
        # The constant is folded into the product to save a pass over the large matrix.
        query = ops.concatenate([query, ops.full_like(query[..., :1], -1) * temperature], axis=-1)
        key = ops.concatenate([key, ops.ones_like(key[..., :1])], axis=-1)
        logits = ops.matmul(query, ops.transpose(key, (0, 2, 1)))
        # exp without a softmax's maximum: t · (cosine - 1) is at most 0, so nothing overflows.
        return ops.exp(logits - self._penalty(band, number) if self.local else logits)

    def _near(self, x: Tensor, band: int) -> Tensor:
        """The places that a band of rows is matched to, `(B, P, …)`."""
        if not self.local:
            return x
        rows = slice(max(band - 1, 0), band + 2)  # at the border two bands, else three
        return _flatten_places(ops.concatenate(ops.split(x, _BANDS, axis=1)[rows], axis=1))

    def compute_output_shape(
        self,
        query_shape: Shape,
        key_shape: Shape,
        value_shape: Shape,
        filled_shape: Shape | None = None,
    ) -> Shape:
        channels = cast(int, value_shape[-1])  # the rank of a tensor is always known
        return (value_shape[0], *query_shape[1:3], channels + 2)

    def get_config(self) -> Config:
        return {**super().get_config(), "local": self.local}

    def _penalty(self, band: Tensor, number: int) -> Tensor:
        """Squared distance ÷ (2 · width²) from the places of a band to nearby places."""
        rows, width = ops.shape(band)[1:3]
        first, last = max(number - 1, 0), min(number + 2, _BANDS)
        # bfloat16 holds no odd numbers above 256, and squares are larger.
        y = ops.cast(ops.arange(_BANDS * rows), "float32")
        x = ops.cast(ops.arange(width), "float32")
        own, near = y[number * rows : (number + 1) * rows], y[first * rows : last * rows]
        dy, dx = ops.square(own[:, None] - near), ops.square(x[:, None] - x)
        # (own places, near places)
        squared = ops.reshape(dy[:, None, :, None] + dx[None, :, None, :], (rows * width, -1))
        places = ops.cast(_BANDS * rows * width, "float32")
        # 2σ² in cells, where σ is the width times √(H · W).
        scale = 2 * places * ops.exp(2 * ops.cast(self.log_width, "float32"))
        return ops.cast(squared / scale, self.compute_dtype)


def _same_for_all(query: Tensor, key: Tensor) -> Tensor | None:
    """Whether all rows have the same query and keys; None if that is impossible."""
    # Only if one frame is statically known to serve all: tf2onnx cannot convert the condition.
    # With one row nothing is gained by sharing.
    if query.shape[0] != 1 or key.shape[0] == 1:
        return None
    return ops.all(ops.equal(key, key[:1]))


def _with_filled(value: Tensor, filled: Tensor | None) -> Tensor:
    """Values weighted by `filled`, and `filled` itself as a further channel."""
    # Its weighted sum is the softmax's denominator, at the price of one more column of the product.
    filled = ops.ones_like(value[..., :1]) if filled is None else filled[..., None]
    # Zeros in both keep empty places out of numerator and denominator: no mask on the affinity.
    return ops.concatenate([value * filled, filled], axis=-1)


def _matmul_shared(weights: Tensor, value: Tensor) -> Tensor:
    """`matmul` of weights (1, Q, P), shared by all rows, with values (B, P, V)."""
    rows, places, channels = ops.shape(value)
    # One product (Q, P) × (P, B·V): weights are read once for all rows.
    flat = ops.reshape(ops.transpose(value, (1, 0, 2)), (places, rows * channels))
    read = ops.reshape(ops.matmul(weights[0], flat), (-1, rows, channels))
    return ops.transpose(read, (1, 0, 2))


def _flatten_places(x: Tensor) -> Tensor:
    """Reshape (B, H, W, C) to (B, H·W, C)."""
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1]))
