"""The paper's step in stock Keras layers: the reference of `ytvos-bench step`."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


def plain_step(height: int, width: int, precision: str = "float32") -> keras.Model:
    """Build the paper's Encoder, ConvLSTM and Decoder from stock Keras layers.

    They are VGG-16 from `keras.applications` with fc6 as a 1×1 convolution,
    `keras.layers.ConvLSTM2D` over a sequence of one frame, and `keras.layers.Conv2DTranspose`.
    Sizes are those of section 4.3, weights are random.

    Args:
        height: Of the frame, in pixels, a multiple of 32.
        width: Of the frame, in pixels, a multiple of 32.
        precision: The dtype policy.

    Returns:
        A model that maps `[frame, hidden, cell]` to `[probabilities, hidden, cell]`: the frame is
        `(B, height, width, 3)`, RGB in 0–255; the states are `(B, height / 32, width / 32, 512)`.
    """
    layers = keras.layers
    with dtype_policy(precision):
        frame = keras.Input((height, width, 3))
        states = [keras.Input((height // 32, width // 32, 512)) for _ in range(2)]
        x = keras.applications.vgg16.preprocess_input(frame)
        x = keras.applications.VGG16(include_top=False, weights=None, input_tensor=x).output
        x = layers.Conv2D(4096, 1, activation="relu")(x)
        x = layers.Conv2D(512, 1, activation="relu")(x)
        x = keras.ops.expand_dims(x, axis=1)  # (B, 1, h, w, 512)
        conv_lstm = layers.ConvLSTM2D(512, 3, padding="same", activation="relu", return_state=True)
        x, hidden, cell = conv_lstm(x, initial_state=states)
        for filters in (512, 256, 128, 64, 64):
            x = layers.Conv2DTranspose(filters, 5, 2, padding="same", activation="relu")(x)
        logits = layers.Conv2D(1, 5, padding="same")(x)
        probabilities = keras.ops.sigmoid(keras.ops.cast(logits, "float32"))
        return keras.Model([frame, *states], [probabilities, hidden, cell])


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers of `keras.applications` only obey the global dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
