"""Memory reading by feature matching."""

import math
from typing import Any, cast

import keras
from keras import ops

from ytvos_keras.layers.types import Config, Shape, Tensor

# Bands of rows are matched one at a time: the full affinity matrix would not fit in memory.
# The number also sets the neighbourhood of `local`: a band sees itself and the adjacent bands.
_BANDS = 4
_EPSILON = 1e-20  # keeps the logarithm finite for empty objects; far below any relevant weight


@keras.saving.register_keras_serializable("ytvos_keras")
class Matching(keras.layers.Layer):
    """For each position in a new frame, read the values of similar positions in memory.

    Not in the paper: the most important departure of `s2s-lite`. Keys are compared by cosine
    similarity with a learned temperature, and the values are averaged with a softmax over all
    memory positions as weights. Two more output channels are the soft maximum of the cosine
    (log-sum-exp at the same temperature) over object positions and over background positions.

    Keys do not depend on the object. In the common case that all objects have the same positions in
    memory, cosines and softmax are computed once and only the values are read per object.

    Args:
        local: Whether to prefer nearby positions, by a learned Gaussian of the distance, and to
            ignore those outside the same and the adjacent quarters of the frame's height. Meant for
            memory of the previous frame.

    Call arguments:
        query: Keys of the new frame.
        key: Keys of the memory positions.
        value: Values of the memory positions; the last channel is the soft mask of the object, 0–1.
        weight: Factors for the weights of positions, 0 for empty ones; default: 1 everywhere.

    Input shape:
        `query`: `(B or 1, H, W, K)`, L2-normalized along the last axis, with H a multiple of 4.
        With `local`, `key` and `value` are `(B, H, W, K)` and `(B, H, W, V)`; otherwise `(B, P, K)`
        and `(B, P, V)` for any number of positions P, and `weight` is `(B, P)`.

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
        weight_shape: Shape | None = None,
    ) -> None:
        constant = keras.initializers.Constant
        # The logarithm keeps it positive; at 10, opposite keys have e⁻²⁰ of the weight of equal
        # ones.
        self.log_temperature = self.add_weight(
            name="log_temperature", shape=(), initializer=constant(math.log(10.0))
        )
        if self.local:
            # The width is a fraction of √(H · W), so it does not depend on the resolution.
            self.log_width = self.add_weight(
                name="log_width", shape=(), initializer=constant(math.log(0.15))
            )

    def call(
        self, query: Tensor, key: Tensor, value: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        value = _with_background(value, weight)
        same = _same_for_all(query, key)
        if same is None:
            # A frame per row, a single row, or a number of frames that is unknown while tracing.
            sums = self._sums(query, key, value, shared=False)
        else:
            # Rows have equal keys if their objects appeared, were stored and were corrected in the
            # same frames.
            sums = ops.cond(
                same,
                lambda: self._sums(query, key, value, shared=True),
                lambda: self._sums(query, key, value, shared=False),
            )
        sums = ops.cast(sums, "float32")
        # The last two channels: the total weight on the object and on the background.
        # Not sums[..., :-1]: the gradient of TensorFlow's strided slice runs on a single core.
        rows, places, channels = ops.shape(sums)
        read = ops.slice(sums, (0, 0, 0), (rows, places, channels - 1))
        masses = ops.slice(sums, (0, 0, channels - 2), (rows, places, 2))
        of_all = ops.sum(masses, axis=-1, keepdims=True)
        masses = ops.stop_gradient(masses)  # keys are trained through the values only
        temperature = ops.stop_gradient(ops.exp(ops.cast(self.log_temperature, "float32")))
        # Log-sum-exp at this temperature; the 1 cancels the -1 in the exponent of the weights.
        nearest = 1 + ops.log(masses + _EPSILON) / temperature
        # Normalize after multiplying by the values, so that the softmax is never stored.
        out = ops.concatenate([read / (of_all + _EPSILON), nearest], axis=-1)
        out = ops.reshape(out, (-1, *ops.shape(query)[1:3], out.shape[-1]))
        return ops.cast(out, self.compute_dtype)

    def _sums(self, query: Tensor, key: Tensor, value: Tensor, shared: bool) -> Tensor:
        """Sums of values over positions, weighted by exp(t · (cosine - 1)), `(B, H·W, V + 1)`.

        The last channel of `value` is the background. If `shared`, the keys of the first row serve
        all.
        """
        bands = []
        for n, band in enumerate(ops.split(query, _BANDS, axis=1)):
            # (B or 1, H·W / 4, P)
            weights = self._weights(band, self._near(key[:1] if shared else key, n), n)
            near = ops.cast(self._near(value, n), weights.dtype)
            bands.append(_matmul_shared(weights, near) if shared else ops.matmul(weights, near))
        return ops.concatenate(bands, axis=1)

    def _weights(self, band: Tensor, key: Tensor, number: int) -> Tensor:
        temperature = ops.exp(self.log_temperature)
        query = temperature * _flatten_places(band)
        # Folding the -t into the product saves a pass over the large matrix.
        query = ops.concatenate([query, ops.full_like(query[..., :1], -1) * temperature], axis=-1)
        key = ops.concatenate([key, ops.ones_like(key[..., :1])], axis=-1)
        logits = ops.matmul(query, ops.transpose(key, (0, 2, 1)))
        if self.local:
            logits = logits - self._penalty(band, number)
        # In float16, weights would underflow, and sums over many positions overflow.
        if logits.dtype == "float16":
            logits = ops.cast(logits, "float32")
        # No maximum to subtract: t · (cosine - 1) is at most 0, so exp cannot overflow.
        return ops.exp(logits)

    def _near(self, x: Tensor, band: int) -> Tensor:
        """The positions that a band of rows is matched to, `(B, P, …)`."""
        if not self.local:
            return x
        rows = slice(max(band - 1, 0), band + 2)  # two bands at the border, otherwise three
        return _flatten_places(ops.concatenate(ops.split(x, _BANDS, axis=1)[rows], axis=1))

    def compute_output_shape(
        self,
        query_shape: Shape,
        key_shape: Shape,
        value_shape: Shape,
        weight_shape: Shape | None = None,
    ) -> Shape:
        channels = cast(int, value_shape[-1])  # the number of channels is always known
        return (value_shape[0], *query_shape[1:3], channels + 2)

    def get_config(self) -> Config:
        return {**super().get_config(), "local": self.local}

    def _penalty(self, band: Tensor, number: int) -> Tensor:
        """Squared distance ÷ (2 · width²) between the positions of a band and nearby positions."""
        rows, width = ops.shape(band)[1:3]
        first, last = max(number - 1, 0), min(number + 2, _BANDS)
        # float32, because bfloat16 cannot represent odd integers above 256.
        y = ops.cast(ops.arange(_BANDS * rows), "float32")
        x = ops.cast(ops.arange(width), "float32")
        own, near = y[number * rows : (number + 1) * rows], y[first * rows : last * rows]
        dy, dx = ops.square(own[:, None] - near), ops.square(x[:, None] - x)
        # (own positions, nearby positions)
        squared = ops.reshape(dy[:, None, :, None] + dx[None, :, None, :], (rows * width, -1))
        places = ops.cast(_BANDS * rows * width, "float32")
        # 2σ² in cells, where σ is the width times √(H · W).
        scale = 2 * places * ops.exp(2 * ops.cast(self.log_width, "float32"))
        return ops.cast(squared / scale, self.compute_dtype)


def _same_for_all(query: Tensor, key: Tensor) -> Tensor | None:
    """Whether all rows have the same query and keys; None for no sharing, decided statically."""
    # Compared only if a single frame is known statically: tf2onnx cannot convert the condition.
    # With a single row, there is nothing to share.
    if query.shape[0] != 1 or key.shape[0] == 1:
        return None
    return ops.all(ops.equal(key, key[:1]))


def _with_background(value: Tensor, weight: Tensor | None) -> Tensor:
    """Append the background, 1 - the soft mask, as a channel, and apply the weights."""
    # The weighted sums of both make up the softmax denominator, for one more matrix column. The
    # background is not the difference of two large sums, which bfloat16 would round to 0 or more.
    value = ops.concatenate([value, 1 - value[..., -1:]], axis=-1)
    # Weighted values weight the softmax, too, because its denominator is the sum of two of their
    # channels. So empty positions are excluded without a mask on the affinity.
    return value if weight is None else value * weight[..., None]


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
