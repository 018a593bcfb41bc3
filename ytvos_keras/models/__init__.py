"""The model: backbones, Initializer, Encoder, Decoder, `S2S`, presets and their weights."""

import keras

from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.load import load
from ytvos_keras.models.presets import PRESETS
from ytvos_keras.models.s2s import S2S

# The code assumes channels_last, and loops, input pipelines and exports need TensorFlow.
if keras.backend.backend() != "tensorflow" or keras.config.image_data_format() != "channels_last":
    raise ImportError(
        "ytvos_keras needs Keras with TensorFlow and channels_last; set KERAS_BACKEND=tensorflow "
        f"and check ~/.keras/keras.json. Found: {keras.backend.backend()}, "
        f"{keras.config.image_data_format()}"
    )

__all__ = ["PRESETS", "S2S", "S2SConfig", "load"]
