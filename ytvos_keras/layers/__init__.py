"""Keras layers of the model that stock Keras does not provide."""

from ytvos_keras.layers.conv_lstm import ConvLSTM, ConvLSTMCell
from ytvos_keras.layers.matching import Matching

__all__ = ["ConvLSTM", "ConvLSTMCell", "Matching"]
