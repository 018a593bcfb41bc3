"""Check the shapes of a request in the graph, so that any server returns a clear error."""

import tensorflow as tf

from ytvos_keras.export.graph_pictures import require
from ytvos_keras.export.signatures import (
    GraphSignature,
    Signature,
    Tensors,
    as_graph,
    cell_sides,
    feature_specs,
    signatures,
)

MOST_PIXELS = 2**20
"""Largest padded frame for a model of free size; 1280×720 still fits.

Larger ones might exhaust a server's memory: that of `s2s-lite` grows with the square of the area.
"""

MOST_ROWS_PIXELS = 2 * MOST_PIXELS
"""The limit for all rows of a request to a model of free size: 18 objects at 256×448."""

MOST_ROWS = 64
"""Largest number of rows of a request to a model of fixed size."""


MOST_CLIP_PIXELS = 2**27
"""Largest number of pixels of all frames and rows of a clip: 1,170 frames of 256×448."""


def checked_signatures(model, size: tuple[int, int] | None = None) -> dict[str, GraphSignature]:
    """Add checks to `signatures` that their inputs are consistent."""
    sides = cell_sides(model)
    # Features depend on the image alone, so all objects may share one row.
    shared = {"image", "images", *feature_specs(model)}
    return {
        name: as_graph(Signature(_checked(function, sides, shared, model.stride), inputs))
        for name, (function, inputs) in signatures(model, size, share=True).items()
    }


def few_rows(rows: tf.Tensor, pixels: tf.Tensor, *, fixed: bool) -> tf.Operation:
    """Require that a request has few enough rows.

    Args:
        rows: Their number, int64.
        pixels: Number of pixels of a padded frame, int64.
        fixed: Whether the model has a fixed size.
    """
    if fixed:
        return require(rows <= MOST_ROWS, f"there must be at most {MOST_ROWS} rows.", rows)
    rule = f"all rows together must have at most {MOST_ROWS_PIXELS} pixels."
    return require(rows * pixels <= MOST_ROWS_PIXELS, rule, rows, "of", pixels)


def _checked(function, sides, shared, padding):
    """Add checks to the function of a `Signature`.

    `sides` are the sides in pixels of one cell of each input, by default 1; `shared` inputs may
    have one row for all rows of the others; frames are padded to multiples of `padding` pixels.
    """

    def check(inputs: Tensors) -> Tensors:
        rules = (
            lambda: _no_empty_input(inputs),
            lambda: _not_too_large(inputs, sides, padding),
            lambda: _not_too_many(inputs, sides, padding),
            lambda: _same_frame_size(inputs, sides, padding),
            lambda: _same_rows(inputs, shared),
            lambda: _finite(inputs),
        )
        passed: list[tf.Operation] = []
        for rule in rules:  # in sequence, so that the first fault is reported
            with tf.control_dependencies(passed):
                passed = list(rule()) or passed
        with tf.control_dependencies(passed):
            # Copies wait for the checks, and so does everything that is computed from them.
            return function({name: tf.identity(x) for name, x in inputs.items()})

    return check


def _no_empty_input(inputs):
    for name, x in inputs.items():
        shape = tf.shape(x)
        yield require(tf.reduce_all(shape > 0), f"{name} must not be empty.", shape)


def _not_too_large(inputs, sides, padding):
    name, x = next(iter(inputs.items()))
    # A fixed size is already part of the signature.
    if None in x.shape[-3:-1]:
        right = _padded_pixels(inputs, sides, padding) <= MOST_PIXELS
        yield require(right, f"frames must have at most {MOST_PIXELS} pixels.", name, tf.shape(x))


def _not_too_many(inputs, sides, padding):
    first = next(iter(inputs.values()))
    rows = tf.cast(_most_rows(inputs), tf.int64)
    pixels = _padded_pixels(inputs, sides, padding)
    yield few_rows(rows, pixels, fixed=None not in first.shape[-3:-1])
    if "images" in inputs:
        frames = tf.cast(tf.shape(first)[1], tf.int64)
        right = rows * frames * pixels <= MOST_CLIP_PIXELS
        rule = f"all frames and rows together must have at most {MOST_CLIP_PIXELS} pixels."
        yield require(right, rule, rows, "of", tf.shape(first))


def _same_frame_size(inputs, sides, padding):
    first, *others = inputs
    frame = _frame_size(first, inputs, sides)
    padded = _padded(frame, padding)
    for name in others:
        if inputs[name].shape.rank == 2:  # a per-frame value without a size
            continue
        size = _frame_size(name, inputs, sides)
        # A mask has the frame's own size; feature maps have the padded size.
        same = size == (frame if name == "mask" else padded)
        rule = f"{name} must belong to a frame of the size of {first}."
        yield require(
            tf.reduce_all(same), rule, name, tf.shape(inputs[name]), first, tf.shape(inputs[first])
        )


def _same_rows(inputs, shared):
    most = _most_rows(inputs)
    for name, x in inputs.items():
        n = tf.shape(x)[0]
        right = (n == most) | (n == 1) if name in shared else n == most
        allowed = "one row, or as many as there are objects" if name in shared else "equal rows"
        yield require(right, f"{name} must have {allowed}.", n, "of", most)


def _finite(inputs):
    for name, x in inputs.items():
        if x.dtype.is_floating:
            # One NaN in a state would spread to all later frames of that client.
            right = tf.reduce_all(tf.math.is_finite(x))
            yield require(right, f"{name} must contain finite numbers.", tf.shape(x))


def _most_rows(inputs):
    return tf.reduce_max(tf.stack([tf.shape(x)[0] for x in inputs.values()]))


def _padded_pixels(inputs, sides, padding):
    size = _frame_size(next(iter(inputs)), inputs, sides)
    # int64: the product of two sides sent by a client may exceed int32.
    return tf.reduce_prod(tf.cast(_padded(size, padding), tf.int64))


def _padded(size, padding):
    return -(-size // padding) * padding


def _frame_size(name, inputs, sides):
    return tf.shape(inputs[name])[-3:-1] * sides.get(name, 1)
