"""Composite: a layer made of other layers."""

import keras


class Composite(keras.layers.Layer):
    """A layer made of other layers, which create their weights when it is first called.

    Without `build`, Keras traces `call` to create them before it calls it: that took more than half
    of the time of constructing a model.
    """

    def build(self) -> None:
        pass
