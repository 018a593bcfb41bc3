"""Composite: a layer made of other layers."""

from typing import Any

import keras


class Composite(keras.layers.Layer):
    """A layer made of other layers, which create their weights on the first call.

    The empty `build` is deliberate: if a layer has none, Keras traces `call` an extra time to
    create the weights, which took a third to a half of the time to construct a model.
    """

    def build(self, *shapes: Any) -> None:
        pass
