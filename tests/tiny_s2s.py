"""A stand-in for `S2S` with three small convolutions, which traces and runs quickly."""

import types

import keras
from keras import ops

from ytvos_keras.layers.resolution import pad_to_stride


class TinyS2S(keras.Model):
    """Has states at two resolutions; like `S2S`, pads internally and shares the frame."""

    stride = 8
    memory = None

    def __init__(self, input_size=(32, 48)):
        super().__init__()
        self.config = types.SimpleNamespace(
            input_size=input_size, shared_encoder=True, sees_others=False
        )
        self.to_features = keras.layers.Conv2D(4, 8, strides=8, padding="same")
        self.to_hidden = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")
        self.to_logits = keras.layers.Conv2D(64, 1, kernel_initializer="orthogonal")
        frame = ops.zeros((1, 8, 8, 3))
        self.step(frame, self.initialize(frame, frame[..., :1]))
        self.built = True

    def encode(self, frames):
        frames = pad_to_stride(ops.cast(frames, "float32"), self.stride)
        return {"features": self.to_features(frames / 64 - 2)}

    def initialize(self, frame, mask, features=None):
        features = features or self.encode(frame)
        mask = pad_to_stride(ops.cast(mask, "float32"), self.stride)
        hidden = ops.average_pool(mask, 8, 8) * features["features"]
        return {"h": hidden, "previous_mask": mask}

    def correct(self, frame, mask, state, features=None):
        return self.initialize(frame, mask, features)

    def step(self, frame, state):
        height, width = ops.shape(frame)[1:3]
        probs, state = self.step_features(self.encode(frame), state)
        return probs[:, :height, :width], state

    def step_features(self, features, state):
        previous = ops.average_pool(state["previous_mask"], 8, 8)
        hidden = self.to_hidden(features["features"] + state["h"] + previous)
        batch, rows, columns = ops.shape(hidden)[:3]
        x = ops.reshape(self.to_logits(hidden), (batch, rows, columns, 8, 8))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4)), (batch, 8 * rows, 8 * columns, 1))
        probs = ops.sigmoid(3 * x)
        return probs, {"h": hidden, "previous_mask": probs}
