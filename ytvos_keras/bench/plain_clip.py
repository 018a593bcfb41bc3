"""The paper's network over a clip in stock Keras layers: the reference of `ytvos-bench train`."""

import keras

from ytvos_keras.bench.plain_step import dtype_policy


def plain_clip(frames: int, height: int, width: int, precision: str = "float32") -> keras.Model:
    """Build Initializer, Encoder, ConvLSTM and Decoder from stock Keras layers.

    They are VGG-16 from `keras.applications` with fc6 as a 1×1 convolution,
    `keras.layers.ConvLSTM2D` and `keras.layers.Conv2DTranspose`; `keras.layers.TimeDistributed`
    applies the first and the last to each frame. Sizes are those of section 4.3, weights are
    random.

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
    layers = keras.layers
    with dtype_policy(precision):
        clip = keras.Input((frames, height, width, 3), name="frames")
        mask = keras.Input((height, width, 1), name="mask")
        pixels = keras.applications.vgg16.preprocess_input(clip)
        first = keras.ops.concatenate([pixels[:, 0], 255 * mask - 127.5], axis=-1)
        first = _vgg16(height, width, 4)(first)
        cell, hidden = (layers.Conv2D(512, 1, activation="relu")(first) for _ in range(2))
        x = layers.TimeDistributed(_vgg16(height, width, 3))(pixels[:, 1:])
        x = layers.TimeDistributed(layers.Conv2D(512, 1, activation="relu"))(x)
        conv_lstm = layers.ConvLSTM2D(
            512, 3, padding="same", activation="relu", return_sequences=True
        )
        x = conv_lstm(x, initial_state=[hidden, cell])
        for filters in (512, 256, 128, 64, 64):
            upsample = layers.Conv2DTranspose(filters, 5, 2, padding="same", activation="relu")
            x = layers.TimeDistributed(upsample)(x)
        x = layers.TimeDistributed(layers.Conv2D(1, 5, padding="same"))(x)
        return keras.Model({"frames": clip, "mask": mask}, keras.ops.cast(x, "float32"))


def _vgg16(height, width, channels):
    image = keras.Input((height, width, channels))
    x = keras.applications.VGG16(include_top=False, weights=None, input_tensor=image).output
    return keras.Model(image, keras.layers.Conv2D(4096, 1, activation="relu")(x))
