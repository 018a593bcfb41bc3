"""The paper's network in stock Keras layers: the reference of `ytvos-bench step` and `train`.

VGG-16 from `keras.applications` with fc6 as a 1×1 convolution, `keras.layers.ConvLSTM2D` and
`keras.layers.Conv2DTranspose`. Sizes are those of section 4.3, weights are random.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras import layers


def plain_step(height: int, width: int, precision: str = "float32") -> keras.Model:
    """Build Encoder, ConvLSTM and Decoder for one frame.

    Args:
        height: Of the frame, in pixels, a multiple of 32.
        width: Of the frame, in pixels, a multiple of 32.
        precision: The dtype policy.

    Returns:
        A model that maps `[frame, hidden, cell]` to `[probabilities, hidden, cell]`: the frame is
        `(B, height, width, 3)`, RGB in 0–255; the states are `(B, height / 32, width / 32, 512)`.
    """
    with dtype_policy(precision):
        frame = keras.Input((height, width, 3))
        states = [keras.Input((height // 32, width // 32, 512)) for _ in range(2)]
        x = keras.applications.vgg16.preprocess_input(frame)
        x = _narrow()(_vgg16(height, width, 3)(x))
        x = keras.ops.expand_dims(x, axis=1)  # (B, 1, h, w, 512)
        x, hidden, cell = _conv_lstm(return_state=True)(x, initial_state=states)
        for layer in _decoder():
            x = layer(x)
        probabilities = keras.ops.sigmoid(keras.ops.cast(x, "float32"))
        return keras.Model([frame, *states], [probabilities, hidden, cell])


def plain_clip(frames: int, height: int, width: int, precision: str = "float32") -> keras.Model:
    """Build Initializer, Encoder, ConvLSTM and Decoder for a clip.

    `keras.layers.TimeDistributed` applies Encoder and Decoder to each frame.

    Args:
        frames: T, the first frame included.
        height: Of the frames, in pixels, a multiple of 32.
        width: Of the frames, in pixels, a multiple of 32.
        precision: The dtype policy.

    Returns:
        A model that maps `{"frames": (B, T, height, width, 3), "mask": (B, height, width, 1)}`, RGB
        in 0–255 and the first mask in {0, 1}, to the logits of frames 1…T−1,
        `(B, T − 1, height, width, 1)`, float32.
    """
    with dtype_policy(precision):
        clip = keras.Input((frames, height, width, 3), name="frames")
        mask = keras.Input((height, width, 1), name="mask")
        pixels = keras.applications.vgg16.preprocess_input(clip)
        # Scale the mask to roughly the range of the mean-subtracted pixels.
        first = keras.ops.concatenate([pixels[:, 0], 255 * mask - 127.5], axis=-1)
        first = _vgg16(height, width, 4)(first)
        cell, hidden = (_narrow()(first) for _ in range(2))
        # From frame 1 on: the Initializer has seen frame 0.
        x = layers.TimeDistributed(_vgg16(height, width, 3))(pixels[:, 1:])
        x = layers.TimeDistributed(_narrow())(x)
        x = _conv_lstm(return_sequences=True)(x, initial_state=[hidden, cell])
        for layer in _decoder():
            x = layers.TimeDistributed(layer)(x)
        # In half precision, the loss would saturate.
        return keras.Model({"frames": clip, "mask": mask}, keras.ops.cast(x, "float32"))


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Set the global dtype policy, the only one that `keras.applications` obeys."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _vgg16(height: int, width: int, channels: int) -> keras.Model:
    image = keras.Input((height, width, channels))
    x = keras.applications.VGG16(include_top=False, weights=None, input_tensor=image).output
    return keras.Model(image, layers.Conv2D(4096, 1, activation="relu")(x))


def _narrow() -> keras.Layer:
    return layers.Conv2D(512, 1, activation="relu")


def _conv_lstm(**options: bool) -> keras.Layer:
    return layers.ConvLSTM2D(512, 3, padding="same", activation="relu", **options)


def _decoder() -> Iterator[keras.Layer]:
    for filters in (512, 256, 128, 64, 64):
        yield layers.Conv2DTranspose(filters, 5, 2, padding="same", activation="relu")
    yield layers.Conv2D(1, 5, padding="same")
