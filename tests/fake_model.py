"""A deterministic stand-in with the streaming interface of `S2S`.

Every frame, an object moves one pixel to the right; it survives only where the frame is not dark.
"""

import types

import tensorflow as tf

STRIDE = 8


def pad(x):
    height, width = tf.shape(x)[1], tf.shape(x)[2]
    return tf.pad(x, [[0, 0], [0, -height % STRIDE], [0, -width % STRIDE], [0, 0]])


class FakeModel:
    stride = STRIDE
    dtype_policy = types.SimpleNamespace(name="float32")

    def __init__(self, input_size=(32, 48), scale=0.9):
        self.config = types.SimpleNamespace(input_size=input_size, sees_others=False)
        self.weights = [tf.Variable(scale)]
        self.encoded = tf.Variable(0)  # incremented in the graph: once per call
        self.traces = 0  # incremented in Python: once per trace

    def encode(self, frames):
        self.traces += 1
        self.encoded.assign_add(1)
        return {"grey": tf.reduce_mean(pad(tf.cast(frames, tf.float32)), -1, keepdims=True)}

    def initialize(self, frame, mask, features=None):
        self.traces += 1
        mask = pad(tf.cast(mask, tf.float32))
        return {
            "mask": mask,
            "age": tf.zeros_like(mask[:, 0, 0]),
            # A bfloat16 tensor, because saved states (.npz) must convert these.
            "half": tf.cast(mask, "bfloat16"),
            "confidence": tf.ones_like(mask[:, 0, 0]),
        }

    def correct(self, frame, mask, state, features=None):
        """Keep the age, which tells a correction from an initialization."""
        return self.initialize(frame, mask, features) | {"age": state["age"]}

    def step_features(self, features, state):
        self.traces += 1
        moved = tf.roll(state["mask"], 1, axis=2) * tf.cast(features["grey"] > 10, tf.float32)
        state = {
            "mask": moved,
            "age": state["age"] + 1,
            "half": tf.cast(moved, "bfloat16"),
            "confidence": state["confidence"] / 2,
        }
        return self.weights[0] * moved, state
