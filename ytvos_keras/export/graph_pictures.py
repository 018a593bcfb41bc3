"""Encoded images inside a graph: JPEG and PNG in, PNG out, sizes checked before decoding."""

import tensorflow as tf

MOST_PIXELS = 2**25
"""Largest image that is decoded; 8K UHD still fits."""

_PNG_START = b"\x89PNG\r\n\x1a\n"


def require(condition: tf.Tensor, rule: str, *received: tf.Tensor) -> tf.Operation:
    """Create an assertion that reports a rule and the received value.

    Use it as a control dependency: otherwise graph optimizers may drop it, and stateless operations
    do not wait for it. A rule must not contain an apostrophe: TensorFlow escapes it with a
    backslash.
    """
    return tf.debugging.Assert(condition, [f"{rule} Received:", *received], summarize=8)


def jpeg_size(data: tf.Tensor) -> tf.Tensor:
    """Read (height, width) from the header of a JPEG, a scalar string."""
    with tf.control_dependencies(
        [
            require(
                tf.io.is_jpeg(data),
                "an image must be a JPEG (base64 in REST).",
                tf.strings.length(data),
                "bytes",
            )
        ]
    ):
        size = tf.io.extract_jpeg_shape(data)[:2]
    return _checked_size(size)


def decode_frame(data: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Decode a JPEG to uint8 `(height, width, 3)`, resized bilinearly with antialiasing."""
    with tf.control_dependencies([jpeg_size(data)]):
        # The accurate transform, as in Pillow; TensorFlow defaults to the fast one.
        picture = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    picture = tf.image.resize(picture, size, antialias=True)  # as in `Segmenter`
    return tf.cast(tf.clip_by_value(tf.round(picture), 0, 255), tf.uint8)


def decode_mask(data: tf.Tensor, frame_size: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Decode a PNG of the frame's size to uint8 `(height, width, 1)`.

    It is resized to `size` by nearest neighbour.
    """
    mask = _decode_png(data, frame_size, 1, "a mask must be a PNG of the size of its image.")
    return tf.image.resize(mask, size, method="nearest")


def encode_probabilities(probs: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Encode `(h, w, 1)` in 0–1, resized bilinearly, as a grey PNG in which 255 means 1."""
    probs = tf.image.resize(probs, size)
    return tf.io.encode_png(tf.cast(tf.round(255 * probs), tf.uint8))


def encode_floats(maps: tf.Tensor) -> tf.Tensor:
    """Encode float32 maps `(B, h, w, C)` losslessly as `(B,)` strings.

    Each is a PNG whose pixels are the four bytes of the numbers: unlike a serialized tensor, its
    size can be checked before decoding.
    """
    batch, height, width, channels = tf.unstack(tf.shape(maps))
    # (B, h, w · C, 4): RGBA, one pixel per number.
    rows = tf.reshape(tf.bitcast(maps, tf.uint8), (batch, height, width * channels, 4))
    # Fast rather than small.
    return tf.io.encode_png(rows, compression=1)


def decode_floats(data: tf.Tensor, shape: tuple, name: str) -> tf.Tensor:
    """Decode one map of shape `(h, w, C)` from a scalar string of `encode_floats`."""
    height, width, channels = shape
    rule = f"{name} must be passed back unchanged, with an image of the same size."
    rows = _decode_png(data, tf.stack([height, width * channels]), 4, rule)
    return tf.reshape(tf.bitcast(rows, tf.float32), tf.stack([height, width, channels]))


def _decode_png(data: tf.Tensor, expected_size: tf.Tensor, channels: int, rule: str) -> tf.Tensor:
    start = tf.strings.substr(data, 0, len(_PNG_START))
    long_enough = tf.strings.length(data) >= 24  # up to the size in the header
    with tf.control_dependencies(
        [
            require(
                long_enough & (start == _PNG_START),
                f"{rule} This is not a PNG (base64 in REST).",
                tf.strings.length(data),
                "bytes",
            )
        ]
    ):
        # Width and height follow the signature (8 bytes), a length (4) and a name (4).
        header = tf.strings.substr(data, 16, 8)
    # Big-endian width and height, reversed to (height, width).
    size = tf.io.decode_raw(header, tf.int32, little_endian=False)[::-1]
    same = tf.reduce_all(size == expected_size)
    checks = [require(same, rule, size, "expected", expected_size), _checked_size(size)]
    with tf.control_dependencies(checks):
        return tf.io.decode_png(data, channels=channels)


def _checked_size(size: tf.Tensor) -> tf.Tensor:
    pixels = tf.reduce_prod(tf.cast(size, tf.int64))  # int32 would overflow
    rule = f"an image must have 1 to {MOST_PIXELS} pixels."
    with tf.control_dependencies([require((pixels > 0) & (pixels <= MOST_PIXELS), rule, size)]):
        return tf.identity(size)
